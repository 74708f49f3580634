/*
 * Completion scripts for shells, written from the command table.
 */
#ifndef EPH_CLI_COMPLETION_H
#define EPH_CLI_COMPLETION_H

struct strbuf;

void completion_bash(struct strbuf *out);
void completion_zsh(struct strbuf *out);
void completion_fish(struct strbuf *out);

#endif
