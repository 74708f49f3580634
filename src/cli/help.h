/*
 * Help, written from the command table. No line is longer than 80 columns.
 */
#ifndef EPH_CLI_HELP_H
#define EPH_CLI_HELP_H

#include "command.h"

void help_program(struct strbuf *out);
void help_command(const struct command *command, struct strbuf *out);

#endif
