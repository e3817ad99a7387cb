// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* ioasidctl: draws trees; see ctl_tree.h. */
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_tree.h"

/* Without memory for a line there is no sense in going on. */
static void *must_have(void *memory)
{
	if (!memory) {
		fputs("ioasidctl: out of memory\n", stderr);
		exit(2);
	}
	return memory;
}

/* The line that was begun is complete. */
static void end_line(struct ctl_tree *tree)
{
	if (!tree->open)
		return;
	if (fclose(tree->open))
		tree->text = NULL;
	tree->open = NULL;
	tree->line[tree->nr++].text = must_have(tree->text);
}

FILE *ctl_tree_begin(struct ctl_tree *tree, unsigned int depth)
{
	end_line(tree);
	if (tree->nr == tree->room) {
		tree->room = tree->room ? tree->room * 2 : 64;
		tree->line = must_have(reallocarray(tree->line, tree->room, sizeof(*tree->line)));
	}
	tree->line[tree->nr] = (struct ctl_tree_line){ min(depth, CTL_TREE_DEPTH - 1U), NULL };
	tree->text = NULL;
	tree->open = must_have(open_memstream(&tree->text, &tree->len));
	return tree->open;
}

void ctl_tree_add(struct ctl_tree *tree, unsigned int depth, const char *fmt, ...)
{
	FILE *line = ctl_tree_begin(tree, depth);
	va_list ap;

	va_start(ap, fmt);
	vfprintf(line, fmt, ap);
	va_end(ap);
}

/* Bit d of more[i]: a line of depth d follows line i before one that is less deep. */
static u32 *find_siblings(const struct ctl_tree *tree)
{
	u32 *more = must_have(calloc(tree->nr + 1, sizeof(*more)));
	u32 open = 0;
	size_t i;

	for (i = tree->nr; i-- > 0;) {
		more[i] = open;
		open &= (2U << tree->line[i].depth) - 1;
		open |= 1U << tree->line[i].depth;
	}
	return more;
}

static void print_joined(const struct ctl_tree_line *line, u32 more, FILE *to)
{
	unsigned int d;

	/* Lines of depth 0 begin trees of their own. */
	for (d = 1; d < line->depth; d++)
		fputs(more & 1U << d ? "\u2502  " : "   ", to);
	if (line->depth)
		fputs(more & 1U << line->depth ? "\u251c\u2500 " : "\u2514\u2500 ", to);
}

void ctl_tree_print(struct ctl_tree *tree, FILE *to, bool lines)
{
	u32 *more;
	size_t i;

	end_line(tree);
	more = find_siblings(tree);
	for (i = 0; i < tree->nr; i++) {
		if (lines)
			print_joined(&tree->line[i], more[i], to);
		else
			fprintf(to, "%*s", 2 * (int)tree->line[i].depth, "");
		fprintf(to, "%s\n", tree->line[i].text);
	}
	free(more);
}

void ctl_tree_free(struct ctl_tree *tree)
{
	end_line(tree);
	while (tree->nr)
		free(tree->line[--tree->nr].text);
	free(tree->line);
	memset(tree, 0, sizeof(*tree));
}

bool ctl_tree_utf8(void)
{
	return setlocale(LC_CTYPE, "") && !strcmp(nl_langinfo(CODESET), "UTF-8");
}
