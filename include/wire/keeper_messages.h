/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between engine and keeper: fixed structs over one SOCK_SEQPACKET
 * connection (EXEC_ROOT/keeper.sock), fds by SCM_RIGHTS. The connection is the
 * ownership token of all streams: while it is open only the engine reads them.
 * Both ends are of one machine and one build family; `version` guards upgrades.
 */
#pragma once

#include <stdint.h>

#define KEEPER_VERSION 2
#define KEEPER_ID_MAX 160 /* "<container id>" or "<container id>/<exec id>", or a socket's key */
#define KEEPER_HOLDS_MAX 8
#define KEEPER_MSG_MAX 1024 /* every message fits */
#define KEEPER_SOCKET "keeper.sock"
#define KEEPER_PIDFILE "keeper.pid"

enum keeper_msg {
    /* engine → keeper */
    KM_HELLO = 1, /* keeper_hello → KM_WELCOME, a KM_ENTRY for each it has, KM_ENTRIES_END */
    KM_SPAWN,     /* keeper_spawn + fds → KM_SPAWNED or KM_SPAWN_FAILED */
    KM_ACK,       /* keeper_ref: the exit of (id, pid) is recorded; the entry may go. No answer */
    KM_CLOSE,     /* keeper_ref: close the held fd `role` of id (stdin) → KM_CLOSED when done */
    KM_HOLD,      /* keeper_ref + fds: hold them under id without a process → KM_HELD */
    KM_UNHOLD,    /* keeper_ref: let go of a process-less id. No answer */
    KM_ATTACHED,  /* keeper_ref: a client with stdin is or was attached to (id, pid). No answer */
    KM_CANCEL, /* keeper_ref, head.tag that of the KM_SPAWN: nobody waits for this start of id any
                  more. One that has not come to its execve is killed (KM_SPAWN_FAILED). No answer
                  of its own */
    /* both ways */
    KM_LAND = 32,    /* keeper_head + LAND_FDS fds: the memory of wire/land.h. From the keeper after
                        KM_WELCOME, when an engine before gave it one. No answer */
    KM_UPGRADE = 40, /* keeper_upgrade, fd: a binary to become → KM_UPGRADED. Both never change */
    KM_ADOPT,        /* keeper_entry + fds: pidfd, held fds. Keep what a dead keeper kept: the
                        process is not its child, so no exit will be reported. No answer; an earlier
                        entry of (id, pid) is replaced; KM_ACK lets it go */
    /* keeper → engine */
    KM_WELCOME = 64, /* keeper_welcome */
    KM_ENTRY,        /* keeper_entry + fds: pidfd (processes only), then the held fds in order */
    KM_ENTRIES_END,
    KM_SPAWNED,      /* keeper_entry, tag of the request, fd: pidfd. The payload has been exec'd */
    KM_SPAWN_FAILED, /* keeper_failed */
    KM_EXITED, /* keeper_entry, tag 0: sent once, and again after each KM_HELLO until KM_ACK */
    KM_CLOSED, /* keeper_ref */
    KM_HELD,   /* keeper_ref */
    KM_UPGRADED = 96, /* keeper_upgraded, from the new image; from the old one when sys or detail */
};

/* What a held fd is; a role occurs once in an entry. */
enum keeper_role {
    ROLE_NONE,
    ROLE_STDIN,  /* write end of the container's stdin pipe */
    ROLE_STDOUT, /* read ends */
    ROLE_STDERR,
    ROLE_PTY,        /* pty master: input and output */
    ROLE_SOCKET,     /* a listening or DNS socket */
    ROLE_RELAY_READ, /* the pipe between a pty and its log */
    ROLE_RELAY_WRITE,
    ROLE_COUNT
};

struct keeper_head {
    uint32_t type; /* enum keeper_msg */
    uint32_t size; /* of the whole message: must equal what was received */
    uint64_t tag;  /* request number, echoed in the answer */
};

struct keeper_hello {
    struct keeper_head head;
    uint32_t version;
    uint32_t pid; /* of the engine */
    char build[64];
};

struct keeper_welcome { /* head, version and build never change: an upgrade starts from them */
    struct keeper_head head;
    uint32_t version;
    uint32_t pid; /* of the keeper */
    uint32_t n_entries;
    uint32_t spare;
    char build[64];
};

enum keeper_spawn_flags {
    KS_EXEC = 1, /* a helper for exec: P_PAYLOAD makes the process that counts, the helper's own
                    exit is reaped silently */
};

/* fds: [0] the program; then the n_fds of the program; then n_holds kept ones. */
struct keeper_spawn {
    struct keeper_head head;
    uint64_t clone_flags; /* CLONE_NEW* for clone3; CLONE_INTO_CGROUP when cgroup_fd >= 0 */
    int32_t cgroup_fd;    /* index into the program's fds of a v2 directory, -1 none */
    uint32_t flags;
    uint32_t n_fds;
    uint32_t n_holds;
    uint8_t roles[KEEPER_HOLDS_MAX];
    char id[KEEPER_ID_MAX];
};

struct keeper_ref {
    struct keeper_head head;
    int32_t pid; /* 0: no process */
    uint32_t role;
    char id[KEEPER_ID_MAX];
};

enum keeper_state {
    KEEPER_STARTING = 1,
    KEEPER_RUNNING,
    KEEPER_EXITED,
    KEEPER_HOLDING,
    KEEPER_FOREIGN /* another keeper's child, dead or alive: whoever has the pidfd must look */
};

struct keeper_entry {
    struct keeper_head head;
    int32_t pid; /* in the host's pid namespace */
    uint32_t state;
    int32_t status;      /* waitpid status when KEEPER_EXITED */
    uint32_t has_failed; /* a STARTING one that died in its program */
    int64_t started_wall_ns, exited_wall_ns;
    uint64_t start_ticks; /* field 22 of /proc/PID/stat: tells a pid from its reuse */
    uint32_t n_holds;
    uint32_t stdin_attached; /* KM_ATTACHED was said */
    uint8_t roles[KEEPER_HOLDS_MAX];
    char id[KEEPER_ID_MAX];
};

struct keeper_failed { /* of KM_SPAWN: clone3 itself (code 0) or a record of the program */
    struct keeper_head head;
    uint32_t at, code; /* code 0, sys EINTR: killed during its set-up, detail names the signal */
    int32_t sys;
    uint32_t why; /* enum program_why */
    char detail[180];
    char id[KEEPER_ID_MAX];
};

struct keeper_upgrade {
    struct keeper_head head;
    char build[64]; /* what the new image shall answer with in KM_WELCOME */
};

struct keeper_upgraded {
    struct keeper_head head;
    int32_t sys; /* 0: this is the new image, unless detail says why it is not */
    uint32_t version;
    char build[64];
    char detail[128];
};
