/*
 * Which risks `check` is to tell: --only, --ignore, and those the administrator accepts.
 */
#ifndef EPH_CLI_RISK_CHOICE_H
#define EPH_CLI_RISK_CHOICE_H

#include "file_list.h"
#include "risks_result.h"

struct eph_error;

/* Every id in @list ("a,b") is one? Return: 0, or -EINVAL with @reterr. */
int risk_choice_check(const char *list, const char *option, struct eph_error *reterr);

/* Drop all but those in @only, if not NULL, and those in @ignore. */
void risk_choice_apply(struct risks_result *risks, const char *only, const char *ignore);

/* Mark those that the files of kind FILE_ACCEPTED in @files name. Return: 0 or -ENOMEM. */
int risk_choice_accept(struct risks_result *risks, const struct file_list *files);

#endif
