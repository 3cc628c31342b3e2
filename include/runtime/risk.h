/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The risks that a configuration may take: one table knows each one's name, severity, sentence and
 * remedy. What finds them is used by the warnings of create, by GET /containers/{id}/risks
 * (`berth audit`) and by the policy. Pure, but for risks_of_source.
 */
#pragma once

#include "base/text.h"

enum risk_severity { RISK_NOTE, RISK_LOW, RISK_MEDIUM, RISK_HIGH, RISK_CRITICAL };

struct risk {
    const char *name; /* "cap-sys-admin" */
    enum risk_severity severity;
    const char *text;   /* what the container can do */
    const char *remedy; /* what to do instead */
};
extern const struct risk risks[]; /* ends with a row without name */
const struct risk *risk_find(const char *name);
const char *risk_severity_name(enum risk_severity s);
bool risk_severity_from_text(const char *s, enum risk_severity *out);

struct risk_finding {
    const struct risk *risk;
    char *what;      /* "--cap-add SYS_ADMIN", "/etc of the host is mounted" */
    bool is_default; /* every container has it that gives nothing up: told by no warning */
};
struct risk_findings {
    struct risk_finding *v;
    size_t n, room;
};
void risk_add(struct arena *a, struct risk_findings *out, const char *name, const char *what);
/* "--cap-add SYS_ADMIN: the container can …" */
char *risk_sentence(struct arena *a, const struct risk_finding *f);
enum risk_telling { RISKS_ALL, RISKS_SERIOUS, RISKS_OFF };
/* "all", "serious" (high and critical), "off"; NULL and "" change nothing. */
struct err *risk_telling_from_text(const char *text, enum risk_telling *out) must_check;
/* The sentences of all but the defaults, the most severe first and none twice, behind what is
 * there. */
void risk_warn(struct arena *a, const struct risk_findings *all, enum risk_telling telling,
               struct strs *warnings);

struct host_config;
/* Of the configuration alone; what is mounted is judged by risks_of_source. */
void risks_of_config(struct arena *a, const struct host_config *h, struct risk_findings *out);

/* A part of the host's file system that a container shall see. */
struct risk_source {
    const char *path;   /* of the bind, or what a volume's options name */
    const char *volume; /* its name; NULL: a bind */
    bool is_writable, is_recursive;
    const char *real; /* risks_of_sources: where it leads, also when it is made only later */
    size_t at;        /* which of the mounts it is of */
    bool is_bind;     /* also of a volume with o=bind: an overlay has several folders */
    bool is_own; /* the volume's folder in the data root: sensitive only where it leads elsewhere */
};
struct risk_sources {
    struct risk_source *v;
    size_t n, room;
    struct strs devices;      /* of --device, as asked for */
    struct strs devices_real; /* risks_of_sources: where they lead */
};
void risk_sources_add_bind(struct arena *a, struct risk_sources *out, const char *path,
                           bool is_writable, bool is_recursive);
/* What the options of a volume name: device, the folders of an overlay; else its own folder. */
void risk_sources_add_volume(struct arena *a, struct risk_sources *out, const char *name,
                             const char *path, const struct pairs *options, bool is_writable);

struct risk_sources risk_sources_copy(struct arena *a, const struct risk_sources *from);

/* What is the engine's own on this host. */
struct risk_host {
    struct strs sockets;
    const char *data_root, *exec_root;
};
/* Worker: looks at the host's files. Judged by the path as it was asked for and as it resolves, and
 * by device and inode, so that links, bind mounts and volumes hide nothing. */
void risks_of_sources(struct arena *a, const struct risk_host *host, struct risk_sources *all,
                      struct risk_findings *out);
