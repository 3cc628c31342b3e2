/* SPDX-License-Identifier: Apache-2.0 */
/* Parsers of option values that are little languages: ports, mounts, devices, networks. Pure,
 * except where a file is named. Errors are Docker's sentences. */
#pragma once

#include "base/flags.h"
#include "base/json.h"

/* --disable-content-trust=false, of every command that has it: nothing would be verified. */
struct err *trust_check(bool skips_trust) must_check;

/* -p. Ranges are expanded: one entry a container port. */
struct port_option {
    char *port;      /* "80/tcp" */
    char *ip;        /* "" any */
    char *host_port; /* "", "8080", "8000-8010" */
};
struct port_options {
    struct port_option *v;
    size_t n;
};
struct err *port_parse(struct arena *a, const char *spec, struct port_options *out) must_check;
/* --expose: "80", "80-90/udp" → "80/tcp", … */
struct err *port_expose(struct arena *a, const char *spec, struct strs *out) must_check;

/* --mount: appends one object of HostConfig.Mounts. */
struct err *mount_parse(struct arena *a, const char *spec, struct jw *out) must_check;
/* -v: a bind (source made absolute) or an anonymous volume. */
struct err *volume_parse(struct arena *a, const char *spec, struct strs *binds,
                         struct strs *volumes) must_check;

/* -e and --env-file in Docker's order: files first. A name alone takes the caller's value. */
struct err *env_parse(struct arena *a, const struct strs *files, const struct strs *values,
                      struct strs *out) must_check;
struct err *labels_parse(struct arena *a, const struct strs *files, const struct strs *values,
                         struct pairs *out) must_check;
/* "k=v" only; `what` names the option in the error. */
struct err *pairs_parse(struct arena *a, const struct strs *values, const char *what,
                        struct pairs *out) must_check;

/* "[2MB:]64MB" → {"PageSize","Limit"} */
struct err *hugetlb_parse(struct arena *a, const char *spec, struct jw *out) must_check;
struct err *ulimit_parse(struct arena *a, const char *spec, struct jw *out) must_check;
struct err *device_parse(struct arena *a, const char *spec, struct jw *out) must_check;
/* "/dev/sda:200" → {"Path","Weight"}; for rates {"Path","Rate"}, in bytes when is_bytes. */
struct err *device_weight_parse(struct arena *a, const char *spec, struct jw *out) must_check;
struct err *device_rate_parse(struct arena *a, const char *spec, bool is_bytes, struct jw *out)
    must_check;
/* --restart: "on-failure:3". */
struct err *restart_parse(struct arena *a, const char *spec, struct jw *out) must_check;
/* --security-opt; reads seccomp profiles. unmasks: systempaths=unconfined was among them. */
struct err *security_parse(struct arena *a, const struct strs *values, struct strs *out,
                           bool *out_unmasks) must_check;
/* --add-host "name:ip". */
struct err *host_parse(struct arena *a, const char *spec, struct strs *out) must_check;

/* --network, short or "name=n,alias=a,ip=…". */
struct network_choice {
    char *name, *ip, *ip6, *mac;
    struct strs aliases, links, link_local;
    struct pairs driver_options;
    struct number gw_priority;
};
struct err *network_parse(struct arena *a, const char *spec, struct network_choice *out) must_check;
/* Not the default bridge, host, none or another container's. */
bool network_is_user_defined(const struct network_choice *n);
/* Aliases, links and MAC address against the kind of network. */
struct err *network_check(const struct network_choice *n) must_check;
void network_write(struct jw *w, const struct network_choice *n);

/* Fields of a comma list where values may be "quoted, as in CSV". */
struct strs csv_split(struct arena *a, const char *s);
