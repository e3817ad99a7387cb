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

void rows_measure(struct row *rows, unsigned int nr, unsigned int rounds, char **prefixes)
{
	unsigned int r, i;

	for (r = 0; r < rounds; r++) {
		for (i = 0; i < nr; i++) {
			struct row *row = &rows[i];

			if (!row_wanted(row, prefixes))
				continue;
			row->value[row->n] = row->run(&row->base[row->n]);
			row->ratio[row->n] = row->value[row->n] / row->base[row->n];
			row->n++;
		}
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print_row(FILE *json, const struct row *row, bool first)
{
	double v = row->value[row->n / 2], b = row->base[row->n / 2], r = row->ratio[row->n / 2];

	printf("%-26s %9.2f %-8s [%9.2f .. %9.2f]", row->name, v, row->unit, row->value[0],
	       row->value[row->n - 1]);
	if (row->what)
		printf("  %.2fx of %.2f (%s)", r, b, row->what);
	printf("\n");
	if (!json)
		return;
	fprintf(json,
		"%s\n  {\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.3f, \"min\": %.3f, "
		"\"max\": %.3f, ",
		first ? "" : ",", row->name, row->unit, v, row->value[0], row->value[row->n - 1]);
	if (row->what)
		fprintf(json, "\"baseline\": \"%s\", \"baseline_value\": %.3f, \"ratio\": %.3f}",
			row->what, b, r);
	else
		fprintf(json, "\"baseline\": null, \"baseline_value\": null, \"ratio\": null}");
}

void rows_report(struct row *rows, unsigned int nr, const char *path)
{
	FILE *json = path ? fopen(path, "w") : NULL;
	bool first = true;
	unsigned int i;

	if (path && !json)
		must(-errno);
	if (json)
		fprintf(json, "[");
	for (i = 0; i < nr; i++) {
		if (!rows[i].n)
			continue;
		qsort(rows[i].value, rows[i].n, sizeof(double), by_value);
		qsort(rows[i].base, rows[i].n, sizeof(double), by_value);
		qsort(rows[i].ratio, rows[i].n, sizeof(double), by_value);
		print_row(json, &rows[i], first);
		first = false;
	}
	if (json) {
		fprintf(json, "\n]\n");
		if (fclose(json))
			must(-errno);
	}
}
