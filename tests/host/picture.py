# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""What ioasidctl graph has drawn, read back: from dot's language, or from the SVG that dot made of it."""
import html
import re
import xml.etree.ElementTree as ElementTree

LINE = re.compile(r'^(?P<what>graph|\w+(?: -> \w+)?) \[(?P<attrs>.*)\];$')
ATTR = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^ "\]]+))')


class Picture:
    """nodes: name -> (class, text); edges: (from, to, class, text), sorted; clusters: name -> text."""

    def __init__(self):
        self.nodes, self.edges, self.clusters, self.title = {}, [], {}, ""

    def add_node(self, name, class_, text):
        assert name not in self.nodes, f"{name} is drawn twice"
        self.nodes[name] = (class_, text)

    def texts(self, class_):
        """Labels of the nodes of a class, by name."""
        return {name: text for name, (of, text) in self.nodes.items() if of == class_}

    def between(self, class_):
        return {(a, b): text for a, b, of, text in self.edges if of == class_}

    def named(self, class_, first):
        """The name of the only node of a class whose label begins with the line @first."""
        found = [name for name, text in self.texts(class_).items()
                 if text.split("\n")[0] == first]
        assert len(found) == 1, f"{class_} '{first}': {found} of {self.texts(class_)}"
        return found[0]

    def same(self, other):
        assert self.nodes == other.nodes, f"{self.nodes}\nis not\n{other.nodes}"
        assert sorted(self.edges) == sorted(other.edges), f"{self.edges}\nis not\n{other.edges}"
        assert self.clusters == other.clusters, f"{self.clusters}\nis not\n{other.clusters}"


def plain(label):
    """A label as it is read: entities, escapes, lines."""
    text = re.sub(r"\\(.)", lambda m: {"l": "\n"}.get(m[1], m[1]), label)
    return html.unescape(text).rstrip("\n")


def from_dot(source):
    """Reads the statements of ioasidctl, one a line; others are an error."""
    picture, cluster = Picture(), []
    lines = source.split("\n")
    assert source.isascii() and lines[0] == "digraph ioasid {" and lines[-2:] == ["}", ""], source
    for line in lines[1:-2]:
        if line.startswith("subgraph cluster_"):
            assert line.endswith(" {")
            cluster.append(line.split()[1])
            continue
        if line == "}":
            cluster.pop()
            continue
        m = LINE.match(line)
        assert m, line
        if m["what"] in ("node", "edge"):
            continue
        rest = ATTR.sub("", m["attrs"])
        assert not rest.strip(), f"'{rest}' in {line}"
        attrs = {a[0]: a[1] or a[2] for a in ATTR.findall(m["attrs"])}
        text = plain(attrs.get("label", ""))
        ends = m["what"].split(" -> ")
        if m["what"] == "graph" and cluster:
            picture.clusters[cluster[-1]] = text
        elif m["what"] == "graph":
            picture.title = text or picture.title
        elif len(ends) == 2:
            picture.edges.append((*ends, attrs["class"], text))
        else:
            picture.add_node(m["what"], attrs["class"], text)
    assert not cluster
    return picture


def from_svg(svg):
    picture, ns = Picture(), "{http://www.w3.org/2000/svg}"
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{ns}svg"
    for g in root.iter(f"{ns}g"):
        kind, _, class_ = g.get("class").partition(" ")
        name = g.find(f"{ns}title")
        text = "\n".join("".join(t.itertext()).replace("\xa0", " ")
                         for t in g.findall(f"{ns}text"))
        if kind == "node":
            picture.add_node(name.text, class_, text)
        elif kind == "edge":
            picture.edges.append((*name.text.split("->"), class_, text))
        elif kind == "cluster":
            picture.clusters[name.text] = text
        elif kind == "graph":
            picture.title = text
    return picture
