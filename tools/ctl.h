/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* ioasidctl: what its subcommands share. */
#ifndef IOASID_CTL_H
#define IOASID_CTL_H

#include <getopt.h>
#include <stdio.h>

#include "formats/vtd.h"
#include "tools/ctl_image.h"

/* Exit statuses. */
#define CTL_OK	  0 /* translated, or printed */
#define CTL_FAULT 1 /* an address was not translated */
#define CTL_ERROR 2 /* wrong usage or unusable input; a message is on stderr */

/**
 * struct ctl_cmd - a subcommand
 * @name: what the user types
 * @what: one line
 * @help: the long text for --help
 * @run: gets its own name as argv[0]; returns an exit status
 */
struct ctl_cmd {
	const char *name;
	const char *what;
	const char *help;
	int (*run)(int argc, char **argv);
};

int ctl_walk_main(int argc, char **argv);
int ctl_decode_main(int argc, char **argv);
int ctl_show_main(int argc, char **argv);
int ctl_graph_main(int argc, char **argv);
int ctl_devices_main(int argc, char **argv);
int ctl_sets_main(int argc, char **argv);
int ctl_limit_main(int argc, char **argv);
int ctl_trace_main(int argc, char **argv);
extern const char ctl_walk_help[];
extern const char ctl_decode_help[];
extern const char ctl_show_help[];
extern const char ctl_graph_help[];
extern const char ctl_devices_help[];
extern const char ctl_sets_help[];
extern const char ctl_limit_help[];
extern const char ctl_trace_help[];

/* ---- Messages and numbers --------------------------------------------------------------------- */

/** ctl_error() - a line on stderr; returns CTL_ERROR so that callers can return it */
int ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * ctl_number() - all of @text as a number: decimal, 0x hexadecimal or 0 octal
 * @text: what the user typed
 * @last: highest value allowed
 * @val: result
 *
 * Return: false if it is not a number or too big.
 */
bool ctl_number(const char *text, u64 last, u64 *val);

/** ctl_number_arg() - the same; on failure prints a message that names @what */
bool ctl_number_arg(const char *what, const char *text, u64 last, u64 *val);

/** ctl_rid() - a requester ID: "00:05.0" or a number */
bool ctl_rid(const char *text, u16 *rid);

/* ---- Where memory comes from: options that several subcommands take --------------------------- */

#define CTL_FILES_MAX 16

/**
 * struct ctl_input - memory named on the command line
 * @img: the memory
 * @fd: its files
 * @nr_fd: how many
 * @raw: name of the --ram file that --map and --q35 refer to, NULL if there is none
 * @raw_used: it has been placed already
 */
struct ctl_input {
	struct ctl_image img;
	int fd[CTL_FILES_MAX];
	unsigned int nr_fd;
	const char *raw;
	bool raw_used;
};

enum {
	CTL_OPT_RAM = 0x100,
	CTL_OPT_MAP,
	CTL_OPT_Q35,
	CTL_OPT_CORE,
	CTL_OPT_OTHER, /* the subcommand's own go on from here */
};

#define CTL_INPUT_OPTIONS                                        \
	{ "ram", required_argument, NULL, CTL_OPT_RAM },         \
		{ "map", required_argument, NULL, CTL_OPT_MAP }, \
		{ "q35", optional_argument, NULL, CTL_OPT_Q35 }, \
	{                                                        \
		"core", required_argument, NULL, CTL_OPT_CORE    \
	}

#define CTL_INPUT_HELP                                                                           \
	"Memory:\n"                                                                              \
	"  --ram FILE             raw guest RAM; by itself the file starts at address 0\n"       \
	"  --map ADDR:OFFSET:LEN  the --ram file before it has LEN bytes of memory at ADDR in\n" \
	"                         its byte OFFSET (repeat for each piece; LEN 0: to its end)\n"  \
	"  --q35[=LOW]            the --ram file before it is all RAM of a QEMU q35 machine:\n"  \
	"                         what does not fit below 4 GiB goes on there; LOW is the\n"     \
	"                         machine's max-ram-below-4g if it has one\n"                    \
	"  --core FILE            ELF core of QEMU's dump-guest-memory\n"                        \
	"  Several files may be given; they must not contradict each other.\n"

void ctl_input_init(struct ctl_input *in);

/**
 * ctl_input_option() - handle one of the options above
 * @in: input
 * @opt: what getopt_long() returned
 * @arg: its argument
 *
 * Return: CTL_OK, CTL_ERROR after a message, or -1 if the option is not one of them.
 */
int ctl_input_option(struct ctl_input *in, int opt, const char *arg);

/** ctl_input_finish() - no more options. Return: CTL_OK, or CTL_ERROR after a message. */
int ctl_input_finish(struct ctl_input *in);

/** ctl_input_given() - was any memory named? */
bool ctl_input_given(const struct ctl_input *in);

void ctl_input_destroy(struct ctl_input *in);

/* ---- Fields of entries -------------------------------------------------------------------------- */

struct json_object;

/** ctl_fields_text() - "  NAME=value ..." lines, indented; nothing if there are no fields */
void ctl_fields_text(FILE *to, enum vtd_entry_type type, u8 level, const u64 *words);

/** ctl_fields_json() - an array of fields, new reference */
struct json_object *ctl_fields_json(enum vtd_entry_type type, u8 level, const u64 *words);

/** ctl_json_hex() - 64-bit values are strings: many JSON readers keep 53 bits of a number */
struct json_object *ctl_json_hex(u64 val);

/** ctl_json_words() - an array of hexadecimal strings */
struct json_object *ctl_json_words(const u64 *words, u32 nr);

/** ctl_json_print() - print and drop */
void ctl_json_print(struct json_object *obj);

#endif
