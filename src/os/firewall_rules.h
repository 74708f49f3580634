/*
 * Rules that open a range to inbound connections, as passive FTP needs them. Text for people to read and to load; pure.
 */
#ifndef EPH_OS_FIREWALL_RULES_H
#define EPH_OS_FIREWALL_RULES_H

#include "strbuf.h"
#include "system_result.h"

/**
 * firewall_rules() - the rules of one range
 * @language:  "nft" (for nft -f), "iptables" (shell commands), "pf" (lines of pf.conf), "netsh" (commands of cmd.exe)
 * @protocols: OS_TCP, OS_UDP or both
 * @families:  OS_IPV4, OS_IPV6 or both
 * Return: 0; -EINVAL when there is no such language; -EOPNOTSUPP when its rules are for both families (netsh).
 */
int firewall_rules(const char *language, struct port_range range, unsigned protocols,
		   unsigned families, struct strbuf *out);

#endif
