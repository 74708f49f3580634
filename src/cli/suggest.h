/*
 * The known word that somebody who typed an unknown one may have meant.
 */
#ifndef EPH_CLI_SUGGEST_H
#define EPH_CLI_SUGGEST_H

struct suggestion {
	const char *typed;
	const char *best; /* NULL: nothing is near */
	unsigned distance;
};

struct suggestion suggestion_init(const char *typed);
void suggestion_consider(struct suggestion *suggestion, const char *candidate);

#endif
