// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "bench/row.h"

#include <errno.h>

bool row_wanted(const struct row *row, char **prefixes)
{
	if (!*prefixes)
		return true;
	for (; *prefixes; prefixes++) {
		if (!strncmp(row->name, *prefixes, strlen(*prefixes)))
			return true;
	}
	return false;
}

static void sample(struct row *row)
{
	double base[ROW_BASES] = { 0 };
	unsigned int i;

	row->value[row->n] = row->run(base);
	for (i = 0; i < ROW_BASES; i++) {
		row->base[i][row->n] = base[i];
		row->ratio[i][row->n] = row->value[row->n] / base[i];
	}
	row->n++;
}

void rows_measure(struct row *rows, unsigned int nr, unsigned int rounds, char **prefixes)
{
	unsigned int r, i;

	for (r = 0; r < rounds; r++) {
		for (i = 0; i < nr; i++) {
			struct row *row = &rows[i];

			if (row_wanted(row, prefixes))
				sample(row);
		}
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_json(FILE *json, const struct row *row, bool first)
{
	static const char *const key[ROW_BASES] = { "", "2" };
	const char *const what[ROW_BASES] = { row->what, row->what2 };
	unsigned int mid = row->n / 2, i;

	fprintf(json,
		"%s\n  {\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.3f, \"min\": %.3f, "
		"\"max\": %.3f",
		first ? "" : ",", row->name, row->unit, row->value[mid], row->value[0],
		row->value[row->n - 1]);
	for (i = 0; i < ROW_BASES; i++) {
		if (what[i])
			fprintf(json,
				", \"baseline%s\": \"%s\", \"baseline%s_value\": %.3f, "
				"\"ratio%s\": %.3f",
				key[i], what[i], key[i], row->base[i][mid], key[i],
				row->ratio[i][mid]);
		else if (!i)
			fprintf(json,
				", \"baseline\": null, \"baseline_value\": null, \"ratio\": null");
	}
	fprintf(json, "}");
}

static void print_row(const struct row *row)
{
	const char *const what[ROW_BASES] = { row->what, row->what2 };
	unsigned int mid = row->n / 2, i;

	printf("%-26s %9.2f %-8s [%9.2f .. %9.2f]", row->name, row->value[mid], row->unit,
	       row->value[0], row->value[row->n - 1]);
	for (i = 0; i < ROW_BASES; i++) {
		if (what[i])
			printf("  %.2fx of %.2f (%s)", row->ratio[i][mid], row->base[i][mid],
			       what[i]);
	}
	printf("\n");
}

static void sort(double *samples, unsigned int n)
{
	qsort(samples, n, sizeof(double), by_value);
}

void rows_report(struct row *rows, unsigned int nr, const char *path)
{
	FILE *json = path ? fopen(path, "w") : NULL;
	bool first = true;
	unsigned int i, b;

	if (path && !json)
		must(-errno);
	if (json)
		fprintf(json, "[");
	for (i = 0; i < nr; i++) {
		if (!rows[i].n)
			continue;
		sort(rows[i].value, rows[i].n);
		for (b = 0; b < ROW_BASES; b++) {
			sort(rows[i].base[b], rows[i].n);
			sort(rows[i].ratio[b], rows[i].n);
		}
		print_row(&rows[i]);
		if (json)
			print_json(json, &rows[i], first);
		first = false;
	}
	if (json) {
		fprintf(json, "\n]\n");
		if (fclose(json))
			must(-errno);
	}
}
