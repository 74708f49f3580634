#include "run.h"

#include <stdio.h>

#include "pool.h"
#include "source_replies.h"

void run_replies(const struct eph_pool *pool)
{
	static const char *const words[SOURCE_REPLY_KINDS] = {
		[SOURCE_REPLY_DOWN] = "the interface is down: no reply comes back",
		[SOURCE_REPLY_ROUTED] =
			"in none of this host's networks: replies come back only if "
			"routers send them here",
		[SOURCE_REPLY_UNHEARD] = "neighbours that ask for it get no answer from this host: "
					 "replies come back only if routers send them here",
	};
	struct source_replies replies;

	if (source_replies(&pool->sources, &replies) < 0)
		return;
	for (unsigned kind = SOURCE_REPLY_FINE + 1; kind < SOURCE_REPLY_KINDS; kind++) {
		unsigned count = replies.of[kind].count;
		char first[IP_ADDRESS_TEXT_BYTES], more[40] = "";

		if (!count)
			continue;
		if (count > 1)
			snprintf(more, sizeof(more), " and %u more", count - 1);
		fprintf(stderr, "ephemports: run: warning: %s%s: %s\n",
			ip_address_format(&replies.of[kind].first, first), more, words[kind]);
	}
}
