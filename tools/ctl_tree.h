/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * ioasidctl: lines that hang together as a tree, drawn when all of them are known: with lines
 * between them where the terminal's character set has such, by indentation elsewhere.
 */
#ifndef IOASID_CTL_TREE_H
#define IOASID_CTL_TREE_H

#include <stddef.h>
#include <stdio.h>

#include "os/os.h"

/* Deeper lines are drawn at this depth. */
#define CTL_TREE_DEPTH 16

struct ctl_tree_line {
	unsigned int depth;
	char *text;
};

/**
 * struct ctl_tree - lines so far; all zero at first
 * @line, @nr, @room: the lines
 * @open: the line that was begun and is not among them yet; NULL: none
 * @text, @len: what was written to it
 */
struct ctl_tree {
	struct ctl_tree_line *line;
	size_t nr;
	size_t room;
	FILE *open;
	char *text;
	size_t len;
};

/** ctl_tree_add() - a line under the nearest one above it that has a smaller @depth */
void ctl_tree_add(struct ctl_tree *tree, unsigned int depth, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** ctl_tree_begin() - a line in pieces. Return: where they are written, until the next call about @tree */
FILE *ctl_tree_begin(struct ctl_tree *tree, unsigned int depth);

/** ctl_tree_print() - @lines: join them by box-drawing characters in UTF-8, else two blanks a level */
void ctl_tree_print(struct ctl_tree *tree, FILE *to, bool lines);

/** ctl_tree_free() - and it can be used anew */
void ctl_tree_free(struct ctl_tree *tree);

/** ctl_tree_utf8() - does the locale of the environment speak UTF-8? */
bool ctl_tree_utf8(void);

#endif
