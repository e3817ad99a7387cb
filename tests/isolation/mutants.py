#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""
mutants.py [--list] [--seconds N] [NAME...]: take each isolation check out, and see a test fail.

Works on a copy of the tree in build/mutants. Each mutant replaces pieces of source, each of which has to
be there exactly once; the programs are built and run, and have to fail. First all of them have to pass
with nothing changed. Prints TAP. --list: the table of docs/testing.md.
"""
import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("IOASID_BUILD", os.path.join(ROOT, "build"))
ISOLATION = "isolation"


@dataclass
class Mutant:
    name: str
    what: str
    edits: list  # (file, old, new)
    tests: tuple = (ISOLATION,)


def m(name, what, *edits, tests=(ISOLATION,)):
    return Mutant(name, what, list(edits), tests)


ROUTE, FUNCTION, HOSTNUM = "core/route.c", "core/function.c", "core/hostnum.c"
CPU, PORTAL, MODE, DEVICE = "core/cpu.c", "core/portal.c", "core/mode.c", "core/device.c"
WQ = "enqcmd/wq.c"

MUTANTS = [
    # Mediation
    m("mediation", "a number without route is taken as it is", (
        ROUTE,
        "route->local : route->global;\n\tos_rcu_exit();\n\treturn route ? 0 : -ENOENT;",
        "route->local : route->global;\n\telse\n\t\t*ppasid = PPASID(vpasid.val);\n"
        "\tos_rcu_exit();\n\treturn 0;",
    )),
    m("mediation-register", "a register holds what the guest wrote", (
        WQ,
        "(wq->ops->to_wire(wq->opaque, vpasid, &wire) || !wq->ops->allows(wq->opaque, wire))",
        "(wire = vpasid, false)",
    )),
    m("mediation-alias", "a register of a whole function gets the host-wide number", (
        ROUTE,
        "*ppasid = is_number(route->local) ? route->local : route->global;",
        "*ppasid = is_number(route->global) ? route->global : route->local;",
    ), tests=("conformance:stale_work_does_not_reach_what_has_the_name_now",)),
    m("default-pasid", "a slice sends without PASID what should carry its default one", (
        FUNCTION,
        "return device_is_slice(dev) && READ_ONCE(dev->ending) ? PPASID(0) : device_rid_wire(dev);",
        "return PPASID_NONE;",
    )),
    # Allow list
    m("allow-list", "a slice may send any number", (
        ROUTE,
        "allowed = tells_numbers(dev) && route_on_wire(dev, ppasid);",
        "allowed = true;",
    )),
    m("allow-list-siblings", "a slice may send its siblings' numbers", (
        ROUTE,
        "allowed = tells_numbers(dev) && route_on_wire(dev, ppasid);",
        "allowed = tells_numbers(dev) && idtree_find(&dev->fn->wires, ppasid.val);",
    )),
    m("allow-list-portal", "a portal does not ask the allow list", (
        WQ,
        "return !(d->pasid & rsvd) && wq->ops->allows(wq->opaque, d->pasid & IOASID_WQ_DESC_PASID);",
        "return !(d->pasid & rsvd);",
    )),
    # host_split
    m("host-split-local", "a parent's own numbers reach beyond host_split", (
        FUNCTION,
        "u32 last = min(READ_ONCE(fn->machine->pasids.split) - 1, fn->space.last);",
        "u32 last = fn->space.last;",
    )),
    m("host-split-global", "host-wide numbers begin below host_split", (
        HOSTNUM, "req->min = READ_ONCE(ctx->machine->pasids.split);", "req->min = 1;",
    ), (
        HOSTNUM, "return number < READ_ONCE(ctx->machine->pasids.split);", "return false;",
    )),
    m("kept", "numbers that a driver keeps are given out", (
        FUNCTION,
        "return fn->kept_last && number >= fn->kept_first && number <= fn->kept_last;",
        "return false;",
    )),
    # Split and width
    m("split", "a guest may use numbers above its split", (
        ROUTE, "if (vpasid.val && vpasid.val <= device_local_last(dev))",
        "if (vpasid.val && vpasid.val <= device_last(dev))",
    )),
    m("split-range", "host-wide numbers do not mind the split", (
        HOSTNUM, "\t\treq->min = max(req->min, device_global_min(dev));\n", "",
    )),
    m("split-later", "a number below the split of a device that comes later is used there", (
        ROUTE,
        "(num->number.val > device_last(attach->dev) ||\n"
        "\t\t     num->number.val < device_global_min(attach->dev))",
        "num->number.val > device_last(attach->dev)",
    )),
    m("width-range", "host-wide numbers do not mind the width", (
        HOSTNUM, "\t\treq->max = min(req->max, device_last(dev));\n", "",
    )),
    m("mode-under-routes", "mode and split change under PASID routes", (
        MODE, "\tif (dev->nr_routes)\n\t\treturn -EBUSY;\n\treturn keeps_promise",
        "\treturn keeps_promise",
    )),
    m("promise", "what the guest was told is forgotten when mode and split change", (
        MODE, "return keeps_promise(ctx, dev, after) ? 0 : -EMEDIUMTYPE;", "return 0;",
    )),
    m("one-space", "one vPASID names several spaces", (
        ROUTE, "\tif (num->ioas != scope->ioas)\n\t\treturn -EEXIST;\n", "",
    )),
    # Portals
    m("portal-untranslated", "portals of slices are open without translation", (
        PORTAL,
        "\tif (dev->policy->cpu_virt && !on)\n\t\treturn IOASID_PORTAL_CLOSED;\n", "",
    )),
    m("portal-local", "portals of devices in local mode are open while the CPU translates", (
        PORTAL, "\tif (on && !global)\n\t\treturn IOASID_PORTAL_CLOSED_LOCAL;\n",
        "\t(void)global;\n",
    )),
    m("portal-gate", "a closed portal takes work", (
        WQ, "if (wq->stopped || !q->enabled || (shared && !wq->portal))",
        "if (wq->stopped || !q->enabled)",
    )),
    m("portal-restore", "an attach that was refused leaves the portal as it would have been", (
        ROUTE, "\tWRITE_ONCE(dev->mode, mode);\n\t(void)portals_update(dev->ctx);",
        "\tWRITE_ONCE(dev->mode, mode);",
    )),
    # The alias
    m("alias-missing", "a whole function has no host-wide number", (
        ROUTE, "\t\trc = wire_up(route, route->global);\n\t\tif (rc)",
        "\t\trc = device_is_slice(route->dev) ? wire_up(route, route->global) : 0;\n"
        "\t\tif (rc)",
    )),
    m("alias-stays", "the host-wide number outlives its route in the IOMMU", (
        ROUTE,
        "\tunwire(route, route->global, global);\n",
        "\tunwire(route, route->global, global && false);\n",
    )),
    m("alias-device-tlb", "an invalidation reaches one number of a space in device TLBs", (
        "inproc/inval.c",
        "\t\tif (ats_purge(r->fn, r->pasid, start, last))\n\t\t\trc = -EIO;\n",
        "\t\tif (ats_purge(r->fn, r->pasid, start, last))\n\t\t\trc = -EIO;\n\t\tbreak;\n",
    )),
    m("alias-rewrite", "another table reaches one number of a space", (
        "inproc/route.c",
        "\t\tpe_rewrite(host, r, dom);\n\tseq_end(host);\n\tmutex_unlock",
        "\t{\n\t\tpe_rewrite(host, r, dom);\n\t\tbreak;\n\t}\n\tseq_end(host);\n\tmutex_unlock",
    )),
    m("alias-pasid-cache", "another table leaves a number in the PASID cache", (
        "inproc/inval.c",
        "\tlist_for_each_entry(r, &dom->routes, link)\n"
        "\t\tpasid_cache_purge(host, route_key(r->fn->rid, r->pasid));",
        "\tlist_for_each_entry(r, &dom->routes, link) {\n"
        "\t\tpasid_cache_purge(host, route_key(r->fn->rid, r->pasid));\n\t\tbreak;\n\t}",
    )),
    m("detach-cache", "a number that ends stays in the PASID cache", (
        "inproc/inval.c",
        "\tcount(&host->nr_invalidations);\n\tpasid_cache_purge(host, route_key(fn->rid, pasid));",
        "\tcount(&host->nr_invalidations);",
    )),
    m("sharing", "an entry that siblings share goes with the first of them", (
        FUNCTION,
        "} else if (number.val == route->global.val && route->sharer) {",
        "} else if (!route) {",
    )),
    # CPUs
    m("cpu-entry", "a CPU entry outlives its number", (
        CPU, "\tcpu_pasid_clear(num->ioas->ctx->cpu_table, num->vpasid.val);\n", "",
    )),
    m("cpu-flush", "vCPUs go on with what they read before", (
        CPU, "\tif (ctx->cpu_on)\n\t\tctx->cpu->ops->flush(ctx->cpu);", "\t(void)ctx;",
    )),
    m("cpu-disable", "vCPUs go on translating by the table of a context that let go of them", (
        CPU, "\tctx->cpu->ops->disable(ctx->cpu);\n\t/* Whole", "\t/* Whole",
    )),
    m("cpu-provider", "a VM of another context is taken", (
        CPU, "\telse if (cpu->ctx)\n\t\trc = -EBUSY;\n", "",
    )),
    # Work and numbers
    m("drain", "devices are not told of numbers that end", (
        ROUTE,
        "int rc = is_number(number) ? dev->ops->drain(dev, number) : 0;",
        "int rc = is_number(number) ? 0 : 0;",
    )),
    m("drain-register", "a register keeps a number that ended", (
        WQ, "} else if (q->wire == ppasid) {", "} else if (!wq) {",
    )),
    m("drain-queue", "work with a number that ended stays in shared queues", (
        WQ, "\t\t\tqueue_drop(wq, q, ppasid);", "\t\t\tif (!wq)\n\t\t\t\tqueue_drop(wq, q, ppasid);",
    )),
    m("quiesce", "registers and queues outlive a binding", (
        "inproc/wqdev.c", "\twq_stop(w->wq, true);\n}\n\nstatic void wqdev_reset",
        "\twq_stop(w->wq, false);\n}\n\nstatic void wqdev_reset",
    )),
    # Exclusivity
    m("exclusive-slice", "a function that is bound whole takes slices", (
        FUNCTION, "if (slice ? fn->whole : fn->nr_slices || fn->host_uses)",
        "if (!slice && (fn->nr_slices || fn->host_uses))",
    )),
    m("exclusive-whole", "a function with slices is bound whole", (
        FUNCTION, "if (slice ? fn->whole : fn->nr_slices || fn->host_uses)",
        "if (slice ? fn->whole : fn->host_uses)",
    )),
    m("exclusive-host", "a function whose host driver uses PASIDs is bound whole", (
        FUNCTION, "if (slice ? fn->whole : fn->nr_slices || fn->host_uses)",
        "if (slice ? fn->whole : fn->nr_slices)",
    )),
]


# The cases of the conformance suite that notice, too.
CASES = {
    "mediation": "a_number_without_a_route_leaves_the_register",
    "mediation-register": "equal_vpasids_of_siblings",
    "default-pasid": "slices_have_default_pasids_of_their_own",
    "allow-list": "a_slice_sends_its_own_numbers_only_in_two_contexts",
    "allow-list-siblings": "a_slice_sends_its_own_numbers_only_in_two_contexts",
    "host-split-global": "a_pdev_has_both_numbers",
    "kept": "numbers_the_host_keeps_are_nobody_elses",
    "split": "the_guest_manages_numbers_below_the_split_only",
    "split-range": "numbers_lie_above_the_largest_split",
    "split-later": "a_number_that_lies_below_a_later_devices_split_is_ERANGE",
    "width-range": "a_device_that_is_too_narrow_leaves_no_number",
    "mode-under-routes": "under_a_pasid_route_nothing_moves",
    "promise": "a_promise_forbids_smaller_splits",
    "one-space": "a_vpasid_names_one_space_in_the_context",
    "portal-untranslated": "user_spaces_word_switches_nothing_on",
    "portal-local": "portals_are_open_where",
    "portal-gate": "without_translation_a_whole_function_takes_what_is_sent",
    "detach-cache": "siblings_share_the_entry",
    "sharing": "siblings_share_the_entry",
    "cpu-entry": "after_unmap_no_cpu_sends_the_number",
    "cpu-flush": "after_unmap_no_cpu_sends_the_number",
    "cpu-provider": "a_vm_is_one_contexts",
    "drain": "a_register_forgets_a_number_that_ended",
    "drain-register": "a_register_forgets_a_number_that_ended",
    "drain-queue": "stale_work_does_not_reach",
    "quiesce": "contexts_end_with_work_in_execution",
    "exclusive-slice": "a_function_is_assigned_whole_or_in_slices",
    "exclusive-whole": "a_function_is_assigned_whole_or_in_slices",
    "exclusive-host": "a_function_whose_host_uses_pasids",
}
for mutant_ in MUTANTS:
    if mutant_.name in CASES:
        mutant_.tests += ("conformance:" + CASES[mutant_.name],)


def run(command, cwd, **more):
    return subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **more)


class Tree:
    """A copy of the sources, and a build of it."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.path = os.path.join(BUILD, "mutants", "tree")
        self.build = os.path.join(BUILD, "mutants", "build")
        os.makedirs(self.path, exist_ok=True)
        # Without the times of the sources: what a mutant changed last has to be built anew.
        copy = run(["rsync", "-rlp", "--checksum", "--delete", "--exclude=/build", "--exclude=/.git",
                    ROOT + "/", self.path + "/"], ROOT)
        if copy.returncode:
            sys.exit("not ok - copying the tree: " + copy.stdout)
        if not os.path.exists(os.path.join(self.build, "build.ninja")):
            made = run(["meson", "setup", "-Db_sanitize=address,undefined", self.build,
                        self.path], ROOT)
            if made.returncode:
                sys.exit("not ok - configuring the copy\n" + made.stdout)

    PROGRAMS = {
        ISOLATION: "tests/isolation/test_isolation",
        "conformance": "tests/conformance/conformance",
    }

    def make(self, tests):
        targets = sorted({self.PROGRAMS[test.split(":")[0]] for test in tests})
        return run(["ninja", "-C", self.build] + targets, ROOT)

    def fails(self, test):
        """Does the test fail? And what it said last."""
        kind, _, word = test.partition(":")
        command = [os.path.join(self.build, self.PROGRAMS[kind])]
        if kind == ISOLATION:
            command += ["--brief", "--seconds", str(self.seconds)]
        elif word:
            command += [word]
        try:
            done = run(command, self.path, timeout=self.seconds + 240)
        except subprocess.TimeoutExpired:
            return True, "it hangs"
        said = [line for line in done.stdout.splitlines()
                if re.match(r"# step|not ok|\[  FAILED|ERROR|.*runtime error", line)]
        return done.returncode != 0, said[0] if said else f"status {done.returncode}"

    def read(self, name):
        with open(os.path.join(self.path, name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        with open(os.path.join(self.path, name), "w", encoding="utf-8") as file:
            file.write(text)


def apply(tree, mutant):
    """Change the copy. Return what was there before, or None: it does not fit the code any more."""
    before = {}
    for name, old, new in mutant.edits:
        text = tree.read(name)
        before.setdefault(name, text)
        if text.count(old) != 1:
            for back, was in before.items():
                tree.write(back, was)
            return None
        tree.write(name, text.replace(old, new))
    return before


def try_mutant(tree, mutant):
    before = apply(tree, mutant)
    if before is None:
        return "it does not fit the code any more"
    made = tree.make(mutant.tests)
    wrong = None
    if made.returncode:
        wrong = "it does not build\n# " + made.stdout[-2000:].replace("\n", "\n# ")
    else:
        for test in mutant.tests:
            failed, said = tree.fails(test)
            print(f"# {mutant.name}: {test}: {said}")
            if not failed:
                wrong = f"{test} does not notice"
    for name, text in before.items():
        tree.write(name, text)
    return wrong


def table():
    print("| mutant | what is taken out | found by |")
    print("|---|---|---|")
    for mutant in MUTANTS:
        print(f"| {mutant.name} | {mutant.what} | {', '.join(mutant.tests)} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    if args.list:
        table()
        return
    tree = Tree(args.seconds)
    chosen = [x for x in MUTANTS if not args.name or x.name in args.name]
    bad = not chosen
    tests = sorted({test for mutant in chosen for test in mutant.tests})
    made = tree.make(tests)
    if made.returncode:
        sys.exit("not ok - building the copy\n" + made.stdout[-3000:])
    for test in tests:
        failed, said = tree.fails(test)
        print(("not " if failed else "") + f"ok - mutants: nothing taken out: {test}: {said}")
        bad |= failed
    for mutant in chosen:
        wrong = try_mutant(tree, mutant)
        print(f"{'not ' if wrong else ''}ok - mutants: {mutant.what}" +
              (f": {wrong}" if wrong else ""), flush=True)
        bad |= bool(wrong)
    sys.exit(bad)


if __name__ == "__main__":
    main()
