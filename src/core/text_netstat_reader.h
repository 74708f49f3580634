/*
 * Reading a text of text_netstat.h row by row: what is known so far, and the rows of every kind of table. Inside
 * text_netstat*.c only.
 */
#ifndef EPH_CORE_TEXT_NETSTAT_READER_H
#define EPH_CORE_TEXT_NETSTAT_READER_H

#include "text_netstat.h"
#include "text_netstat_csv.h"
#include "text_netstat_row.h"

#define NETSTAT_WORDS_MAX 24u

/* What the lines after a heading are. */
enum netstat_form {
	FORM_UNKNOWN, /* rows tell by themselves */
	FORM_TABLE,   /* netstat with a protocol in each row */
	FORM_SOCKSTAT,
	FORM_SS,
	FORM_SOLARIS,
	FORM_CSV,
	FORM_OTHER, /* another table: passed over */
};

/* What gives a system away. */
enum netstat_trait {
	TRAIT_DOT = 1u << 0,
	TRAIT_COLON = 1u << 1,
	TRAIT_WINDOWS = 1u << 2,
	TRAIT_SS = 1u << 3,
	TRAIT_SOCKSTAT = 1u << 4,
	TRAIT_SOLARIS = 1u << 5,
	TRAIT_SOLARIS_NARROW = 1u << 6,
	TRAIT_ONE_BLANK = 1u << 7,   /* "Send-Q Local Address" and not two blanks: FreeBSD */
	TRAIT_TCP_STATE = 1u << 8,   /* OpenBSD */
	TRAIT_PLAIN_STATE = 1u << 9, /* "State" where others have "(state)": NetBSD */
	TRAIT_PLAIN_TCP = 1u << 10,
	TRAIT_TCP4 = 1u << 11,
	TRAIT_RHIWAT = 1u << 12, /* macOS */
};

struct netstat_words {
	struct text_span word[NETSTAT_WORDS_MAX];
	size_t count;
};

struct netstat_reader {
	struct netstat_text *out;
	enum netstat_form form;
	uint32_t traits; /* enum netstat_trait */
	bool recognised, listeners, tcp;
	bool maybe_cut, wide; /* an address as long as a cut one; one that is longer */
	/* ss, Solaris: what the rows do not repeat */
	struct netstat_protocol protocol;
	bool protocol_told;
	uint8_t state;
	struct netstat_csv csv;
	uint64_t unconnected; /* ss without Netid: UNCONN rows */
	size_t ss_from;       /* records from here on have an assumed protocol */
	bool ss_assumed;
};

struct netstat_words netstat_words_of(struct text_span line);

/* Word @i, or nothing. */
static inline struct text_span netstat_word(const struct netstat_words *words, size_t i)
{
	return i < words->count ? words->word[i] : (struct text_span){"", 0};
}

bool netstat_is_number(struct text_span word);
bool netstat_is_ss_state(struct text_span word);

/* Each takes one row. Return: 0, also for a row that is about none of our protocols; -EINVAL, -ENOTUNIQ, -E2BIG, -ENOMEM. */
int netstat_take_protocol(struct netstat_reader *reader, const struct netstat_words *words);
int netstat_take_ss(struct netstat_reader *reader, const struct netstat_words *words);
int netstat_take_solaris(struct netstat_reader *reader, const struct netstat_words *words);
int netstat_take_csv(struct netstat_reader *reader, struct text_span line);

/* 1 when it took the row of a socket; 0 when the line is none. */
int netstat_take_sockstat(struct netstat_reader *reader, const struct netstat_words *words);

/* The command line of ss above its rows; its name is word @at. */
void netstat_ss_command(struct netstat_reader *reader, const struct netstat_words *words,
			size_t at);

/* After the last row: which protocol the rows of ss were about, where none told. */
void netstat_settle_ss(struct netstat_reader *reader);

#endif
