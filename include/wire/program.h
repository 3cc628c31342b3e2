/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The setup program: what the engine compiles and a child of the keeper runs. A
 * flat list of fixed records with at most a few NUL-terminated strings each; no
 * JSON, no host paths, no decisions. It travels in a sealed memfd; fds are named
 * by index into the array that came with the spawn message. The child runs the
 * records in order; the first that fails is reported as (index, code, errno).
 *
 * Built by runtime/program_writer.c, checked and run by init/. Both sides trust each
 * other's honesty but not each other's correctness: every size is checked.
 */
#pragma once

#include <stdint.h>

#define PROGRAM_MAGIC 0x62727468u /* "brth" */
#define PROGRAM_VERSION 1
#define PROGRAM_MAX (8u << 20) /* bytes: ARG_MAX and room */
#define PROGRAM_FDS_MAX 200    /* SCM_MAX_FD is 253 */

struct program_header {
    uint32_t magic;
    uint16_t version;
    uint16_t n_ops;
    uint32_t size;  /* of the whole program */
    uint32_t n_fds; /* that the records may name */
};

struct program_op {
    uint16_t code;
    uint16_t flags;
    uint32_t size; /* of this record with its data, a multiple of 8 */
    int32_t fd;    /* index into the fds, -1 none */
    uint32_t a;
    uint64_t b, c;
    char data[]; /* NUL-terminated strings, or an array as the code says; zero padded */
};

enum program_code {
    P_CGROUP = 1, /* fd: an open cgroup v1 `tasks` file; writes "0" (single-threaded child) */
    P_SETNS,      /* fd, a: CLONE_NEW* flags (one type of a nsfd, or several of a pidfd). With
                     CLONE_NEWUSER the rest runs as the root of that user namespace */
    P_UNSHARE,    /* a: CLONE_NEW* flags */
    P_ROOT,       /* fd: detached mount that becomes the root; later targets resolve in it */
    P_ATTACH,     /* fd: detached mount; data: target. flags: PF_MAKE_DIR / PF_MAKE_FILE, and for a
                     new file system PF_TAKE_MODE, PF_TAKE_OWNER: as the folder has that it covers.
                     a: MOUNT_ATTR_* that it gets then */
    P_MOUNT,      /* a new file system of the child's own namespaces (proc, sysfs, mqueue, cgroup2,
                     tmpfs). data: type, target, then option strings "k=v" or "k", then "";
                     "rootcontext=…" is the SELinux label that its root gets afterwards.
                     a: MOUNT_ATTR_*. flags: PF_MAKE_DIR. fd (proc only): the pidfd of one in whose
                     pid namespace it is to be, without anybody of ours being in there; (tmpfs only)
                     of one whose mount at the target is shared */
    P_MASK,     /* data: path. A directory is covered by a clone of the detached mount fd, anything
                   else by a clone of the file `fd b` (index; the container's own null device,
                   checked to be char 1:3). Absent paths are skipped. */
    P_READONLY, /* data: path: a recursive read-only bind of itself. Absent paths are skipped. */
    P_PIVOT,    /* the root becomes /, the old one is gone */
    P_ROOT_READONLY, /* after P_PIVOT: / itself becomes read-only */
    P_HOSTNAME,      /* data */
    P_DOMAINNAME,    /* data */
    P_SYSCTL,    /* data: path below /proc/sys with slashes, value. Through a procfs of our own */
    P_RLIMIT,    /* a: resource, b: soft, c: hard. flags: PF_RAISE */
    P_OOM_SCORE, /* a: (int32) oom_score_adj */
    P_UMASK,     /* a */
    P_SETSID,    /* new session */
    P_CTTY,      /* fd: becomes the controlling terminal */
    P_DUP,       /* fd → descriptor a (0, 1, 2), not close-on-exec */
    P_CWD,       /* data: path in the root; flags PF_MAKE_DIR: made when missing (b uid, c gid).
                    Afterwards getcwd must not be "(unreachable)" */
    P_CAPS,      /* data: struct program_caps. Takes effect with P_USER */
    P_USER,      /* a: uid, b: gid, c: number of uint32_t groups in data */
    P_NO_NEW_PRIVS,
    P_SECCOMP, /* fd: memfd holding struct sock_filter[]; a: seccomp filter flags */
    P_INIT,    /* a small init stays behind as pid 1 (reaps, forwards signals), the rest of the
                  program runs in its child */
    P_PAYLOAD, /* a child runs the rest, the keeper's when this process ends */
    P_ENV,     /* data: strings, a: how many */
    P_EXEC,    /* data: strings of argv, a: how many. argv[0] without '/' is sought in the PATH
                  of P_ENV, relative to the container. ENOENT, EACCES, ENOEXEC, … come back */
    P_KEYRING, /* a session keyring of its own; failure is ignored */
    P_SYMLINK, /* data: target text, path: made when missing, existing is kept */
    P_LABEL,   /* data: an AppArmor profile, from the execve on. flags: PF_NOW */
    P_TIMENS,  /* data: lines of timens_offsets. A time namespace of its own, entered */
    P_CONTEXT, /* data: name of a file of /proc/thread-self/attr ("exec": from the execve on,
                  "current": at once, "keycreate"), an SELinux context */
    P_CODE_END
};

enum program_flags {
    PF_MAKE_DIR = 1,  /* make the target (mkdir -p in the root) */
    PF_MAKE_FILE = 2, /* make the parent directories and an empty file */
    PF_OPTIONAL = 4,  /* failure is no failure */
    PF_TAKE_MODE = 8,
    PF_TAKE_OWNER = 16,
    PF_RAISE = 32, /* the hard limit alone, and only upwards */
    PF_NOW = 64,   /* at once: what stays behind in the container is confined, too */
};

struct program_caps {
    uint64_t bounding, permitted, effective, inheritable, ambient;
};

/* Finer than errno: which of the ways a P_EXEC failed. 0 for every other record. */
enum program_why {
    PROGRAM_WHY_NONE,
    PROGRAM_WHY_NOT_IN_PATH, /* argv[0] without '/' is in no element of PATH; detail: argv[0] */
    PROGRAM_WHY_LOOKUP, /* argv[0] itself is missing, a directory, not executable; detail: it */
    PROGRAM_WHY_EXECVE, /* found, but execve refused it (interpreter, format); detail: path */
};

/*
 * What a child reports when a record fails; one write on its status pipe. sys 0 is
 * news, no failure, and stays between child and keeper: code P_PAYLOAD: `at` is the
 * pid of the process that counts from now on; code P_EXEC: execve comes next, so a
 * closed pipe now means "it runs" and not "killed half-way".
 */
struct program_failure {
    uint32_t at;      /* index of the record */
    uint32_t code;    /* enum program_code; 0: the program itself was refused */
    int32_t sys;      /* errno */
    uint32_t why;     /* enum program_why */
    char detail[180]; /* path or name that failed, NUL-terminated, may be empty */
};
