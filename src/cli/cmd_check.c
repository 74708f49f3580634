#include <errno.h>

#include "arguments.h"
#include "check_view.h"
#include "config_files.h"
#include "config_root.h"
#include "host_risks.h"
#include "look.h"
#include "netns.h"
#include "observe_claims.h"
#include "risk_choice.h"
#include "risk_list.h"
#include "risks.h"
#include "strbuf.h"
#include "text_port_list.h"

#define ACCEPTED_PATH "/etc/ephemports/accepted-risks"

static const char risk_words[] =
#define RISK(id, summary) id " "
#include "risk_ids.def"
#undef RISK
	"";

static const struct option_spec options[] = {
	{"only", 0, "ID[,ID...]", "tell these risks only", risk_words},
	{"ignore", 0, "ID[,ID...]", "do not tell these", risk_words},
	{"ports-from", 0, "FILE", "also ports of services that FILE lists, one a line", "@file"},
	{"plugin", 0, NULL, "one line for Nagios and Icinga, with performance data", NULL},
	{NULL, 0, NULL, NULL, NULL},
};

static int check_options(const struct arguments *arguments, struct eph_error *reterr)
{
	const char *only = arguments_get(arguments, "only");
	const char *ignore = arguments_get(arguments, "ignore");
	int r = 0;

	if (arguments_has(arguments, "json") && arguments_has(arguments, "plugin"))
		return error_set(reterr, -EINVAL, "options",
				 "--json and --plugin exclude each other");
	if (only)
		r = risk_choice_check(only, "--only", reterr);
	if (r == 0 && ignore)
		r = risk_choice_check(ignore, "--ignore", reterr);
	return r;
}

/* All that was read of a host: what the kernel shows, and what its files say. */
struct host {
	struct snapshot *snapshot;
	struct usage_result usage;
	struct file_list files;
	struct service_ports services;
	struct firewall_claims firewall;
	struct strbuf unread_firewall; /* the note that it was not read */
	bool configured;               /* the files are about the first namespace */
	bool foreign;                  /* no sysctl file is */
};

static void host_done(struct host *host)
{
	firewall_claims_done(&host->firewall);
	strbuf_done(&host->unread_firewall);
	service_ports_done(&host->services);
	file_list_done(&host->files);
	usage_result_done(&host->usage);
	snapshot_free(host->snapshot);
}

/* Another namespace than the host's, so that no file of the host is about it. */
static bool is_elsewhere(const struct observe_options *observe)
{
	return observe->netns || (!observe->replay && !config_root_given() && netns_is_foreign());
}

/* The files of this host say nothing about a saved one, unless somebody says where its files are. */
static bool wants_files(const struct observe_options *observe)
{
	return !is_elsewhere(observe) && (!observe->replay || config_root_given());
}

/* A container has files of its own, but nobody applies its sysctl files. */
static bool wants_settings(const struct observe_options *observe)
{
	return wants_files(observe) && (config_root_given() || !netns_is_container());
}

static int read_ports_from(const char *path, struct file_list *files, struct eph_error *reterr)
{
	int r = config_file_read(path, FILE_PORTS, files, reterr);

	return r < 0 ? r : text_port_list_check(&files->file[files->count - 1], reterr);
}

static int read_files(const struct arguments *arguments, const struct observe_options *observe,
		      struct host *host, struct eph_error *reterr)
{
	const char *ports_from = arguments_get(arguments, "ports-from");
	int r = 0;

	host->configured = wants_files(observe) || ports_from || !observe->replay;
	host->foreign = !observe->replay && !wants_settings(observe);
	if (wants_settings(observe))
		r = sysctl_files_read(&host->files, reterr);
	if (r == 0 && wants_files(observe))
		r = service_files_read(&host->files, reterr);
	if (r == 0 && (!observe->replay || config_root_given()))
		r = config_file_read_own(ACCEPTED_PATH, FILE_ACCEPTED, &host->files, reterr);
	if (r == 0 && ports_from)
		r = read_ports_from(ports_from, &host->files, reterr);
	if (r == 0 && service_ports_read(&host->files, &host->services) < 0)
		r = error_set(reterr, -ENOMEM, "check", "out of memory");
	return r;
}

static int judge(const struct arguments *arguments, const struct observe_options *observe,
		 const struct host *host, struct risks_result *ret, struct eph_error *reterr)
{
	const struct host_config config = {.files = &host->files,
					   .services = &host->services,
					   .firewall = &host->firewall,
					   .foreign = host->foreign,
					   .settings = wants_settings(observe)};
	int r = risks_judge(host->snapshot, &host->usage, ret);

	if (r == 0)
		r = host_risks_judge(host->snapshot, &host->usage,
				     host->configured ? &config : NULL, ret);
	if (r == 0) {
		risk_choice_apply(ret, arguments_get(arguments, "only"),
				  arguments_get(arguments, "ignore"));
		r = risk_choice_accept(ret, &host->files);
		/* Commands count on what the reader sees and does not accept. */
		risk_list_finish(ret, host->snapshot);
		r = ret->failed ? -ENOMEM : r;
	}
	return r < 0 ? error_set(reterr, r, "check", "out of memory") : 0;
}

static void add_note(struct check_view *view, const char *text)
{
	if (view->notes < CHECK_NOTES_MAX)
		view->note[view->notes++] = text;
}

static void add_notes(const struct observe_options *observe, const struct host *host,
		      struct check_view *view)
{
	bool sockets = true;

	for (size_t i = 0; i < host->snapshot->n_netns; i++)
		sockets &= host->snapshot->netns[i].sockets_complete;
	if (is_elsewhere(observe))
		add_note(view, observe->netns ? "configuration files: they are about the host, not "
						"about --netns"
					      : "configuration files: they are about the host, not "
						"about this network namespace");
	else if (!wants_files(observe))
		add_note(view, "configuration files: this is a saved snapshot, and EPHEMPORTS_ROOT "
			       "does not say where the files of its host are");
	if (host->files.unreadable)
		add_note(view, "some configuration files: they could not be read; try as root");
	if (host->unread_firewall.length)
		add_note(view, host->unread_firewall.text);
	if (!sockets)
		add_note(view, "single sockets, so not who binds before connecting: there are too "
			       "many, or the snapshot has none");
	if (host->snapshot->netns_hidden)
		add_note(view, "network namespaces of processes that are not told to this user");
	if (host->snapshot->netns_skipped)
		add_note(view, "network namespaces that only root may enter");
	if (!observe->all_netns && !observe->replay)
		add_note(view, "other network namespaces: --all-netns");
}

static void show(const struct arguments *arguments, const struct check_view *view,
		 struct outcome *outcome)
{
	struct screen screen = look_screen();

	outcome->status = (int)check_view_level(view);
	if (arguments_has(arguments, "json"))
		check_view_json(view, &outcome->text);
	else if (arguments_has(arguments, "plugin"))
		check_view_plugin(view, &outcome->text);
	else
		check_view_text(view, &screen, &outcome->text);
}

static void read_firewall(struct host *host)
{
	observe_firewall(host->snapshot, &host->firewall);
	if (host->firewall.unknown_because)
		strbuf_printf(&host->unread_firewall, "firewall rules: %s",
			      host->firewall.unknown_because);
	else if (host->firewall.in_part)
		strbuf_puts(&host->unread_firewall,
			    "some firewall rules: nft does not tell what they do; see "
			    "iptables-save");
}

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	struct observe_options observe;
	struct host host = {.unread_firewall = STRBUF_INIT};
	struct risks_result risks = {0};
	struct check_view view = {0};
	int r = check_options(arguments, reterr);

	if (r == 0)
		r = look_options(arguments, &observe, reterr);
	if (r < 0)
		return r;
	observe.what.by = GROUP_BY_DESTINATION;
	observe.processes = true;
	observe.sockets = true;
	r = read_files(arguments, &observe, &host, reterr);
	if (r == 0)
		r = observe_usage(&observe, &host.snapshot, &host.usage, reterr);
	if (r == 0) {
		read_firewall(&host);
		r = judge(arguments, &observe, &host, &risks, reterr);
	}
	if (r == 0) {
		view.snapshot = host.snapshot;
		view.risks = &risks;
		view.several_netns = host.snapshot->n_netns > 1 || observe.all_netns;
		view.files = host.files.count;
		add_notes(&observe, &host, &view);
		show(arguments, &view, outcome);
	}
	risks_result_done(&risks);
	host_done(&host);
	return r;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "tell every risk of this host, with evidence and advice",
	.operands = "",
	.details = "Exit status 1 when the worst risk is a warning, 2 when one is critical, 3 when "
		   "it could not be told. Risks in " ACCEPTED_PATH " do not count.",
	.options = options,
	.run = run,
};
