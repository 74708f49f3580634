/*
 * The ephemeral ranges of one host, as people and programs read them.
 */
#ifndef EPH_RENDER_RANGE_VIEW_H
#define EPH_RENDER_RANGE_VIEW_H

#include "screen.h"
#include "system_result.h"

struct strbuf;

#define RANGE_NOTES_MAX 6u

/* How a range lies to the one that a firewall opens. */
enum range_fit {
	RANGE_FITS,   /* the same */
	RANGE_INSIDE, /* narrower: every port of it is open */
	RANGE_WIDER,  /* it covers what is open, and more */
	RANGE_BESIDE, /* part of it, or all, lies elsewhere */
};

struct range_view {
	const struct os_state *state;
	const char *name, *title; /* of the system: "linux", "Linux" */
	const char *because;      /* why it cannot be changed, NULL when it can */
	const char *host;         /* "" for none, as for text */
	const char *options;      /* with which a command acts there: " -N nc1"; NULL: none */
	const char *how;          /* "over ssh", "as saved in FILE"; NULL: this machine */
	const char *
		image; /* where a system lies that does not run: nothing is but what it boots with; or NULL */
	bool expects;
	struct port_range expected;
	const char *note[RANGE_NOTES_MAX]; /* what could not be told, as sentences; borrowed */
	unsigned notes;
};

enum range_fit range_fit_of(struct port_range range, struct port_range expected);

/* 0; 1 with warnings, or when a regular range does not lie inside of what is expected; 2 when it cannot be changed. */
int range_view_status(const struct range_view *view);

void range_view_text(const struct range_view *view, const struct screen *screen,
		     struct strbuf *out);
void range_view_json(const struct range_view *view, struct strbuf *out);

#endif
