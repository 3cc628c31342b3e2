/* SPDX-License-Identifier: Apache-2.0 */
/*
 * (record, errno, detail) → the sentence a person acts on. Pure, any thread.
 *
 * Scripts and the docker CLI look for "executable file not found", "no such file or
 * directory", "permission denied" and "is a directory", lower case, to choose between
 * exit codes 127 and 126: so errno texts are lower-cased here as Go prints them.
 */
#include "failure.h"

#include "base/text.h"
#include "runtime/keeper_conn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *const acts[P_CODE_END] = {
    /* what was being done */
    [P_CGROUP] = "join the container's cgroups",
    [P_SETNS] = "enter the container's namespaces",
    [P_UNSHARE] = "make a namespace",
    [P_ROOT] = "enter the root file system",
    [P_ATTACH] = "error mounting in the container",
    [P_MOUNT] = "error mounting in the container",
    [P_MASK] = "mask a path",
    [P_READONLY] = "make a path read-only",
    [P_PIVOT] = "change the root",
    [P_ROOT_READONLY] = "make the root read-only",
    [P_HOSTNAME] = "set the hostname",
    [P_DOMAINNAME] = "set the domain name",
    [P_SYSCTL] = "write sysctl",
    [P_RLIMIT] = "error setting rlimits for ready process",
    [P_OOM_SCORE] = "set oom_score_adj",
    [P_SETSID] = "start a session",
    [P_CTTY] = "take the terminal",
    [P_DUP] = "set up standard streams",
    [P_CAPS] = "unable to apply caps",
    [P_USER] = "change to the user",
    [P_NO_NEW_PRIVS] = "set no_new_privs",
    [P_SECCOMP] = "error loading seccomp filter",
    [P_INIT] = "start the init process",
    [P_PAYLOAD] = "start the process",
    [P_SYMLINK] = "make a link",
    [P_LABEL] = "unable to apply apparmor profile",
    [P_TIMENS] = "make a time namespace",
    [P_CONTEXT] = "unable to apply SELinux label",
};

struct sentence {
    char text[512];
};

/* errno as Go writes it: lower case. */
static const char *sys_text(int sys, char buf[128])
{
    const char *text = strerrordesc_np(sys);

    snprintf(buf, 128, "%s", text ? text : "unknown error");
    if (buf[0] >= 'A' && buf[0] <= 'Z' && !(buf[1] >= 'A' && buf[1] <= 'Z'))
        buf[0] += 'a' - 'A';
    return buf;
}

static bool is_exec_of_container(const struct keeper_failed *f)
{
    return strchr(f->id, '/') != NULL;
}

static struct err *with_prefix(const struct keeper_failed *f, enum err_kind kind, const char *text)
{
    return err_new(kind, "OCI runtime %s failed: unable to start container process: %s: unknown",
                   is_exec_of_container(f) ? "exec" : "create", text);
}

static struct err *explain_exec(const struct keeper_failed *f)
{
    struct sentence s;
    char sys[128];
    const char *why = sys_text(f->sys, sys);
    bool is_bare = f->detail[0] && !strchr(f->detail, '/');

    if (f->why == PROGRAM_WHY_NOT_IN_PATH || (is_bare && f->sys == ENOENT))
        why = "executable file not found in $PATH";
    if (f->sys == EISDIR) /* the kernel's EACCES, looked at closer; old CLIs know only this one */
        why = "is a directory: permission denied";
    if (f->sys == ENOENT && f->why == PROGRAM_WHY_LOOKUP && !is_bare)
        snprintf(s.text, sizeof(s.text), "exec: \"%s\": stat %s: %s", f->detail, f->detail, why);
    else
        snprintf(s.text, sizeof(s.text), "exec: \"%s\": %s", f->detail, why);
    return with_prefix(f, ERR_INVALID, s.text);
}

static struct err *explain_cwd(const struct keeper_failed *f)
{
    struct sentence s;
    char sys[128];

    snprintf(s.text, sizeof(s.text), "chdir to cwd (\"%s\") set in config.json failed: %s",
             f->detail, sys_text(f->sys, sys));
    return with_prefix(f, ERR_INVALID, s.text);
}

static struct err *explain_clone(const struct keeper_failed *f)
{
    struct sentence s;
    char sys[128];
    const char *hint = f->sys == EAGAIN   ? " (the limit of processes is reached)"
                       : f->sys == ENOSPC ? " (a limit of user.max_*_namespaces is reached)"
                                          : "";

    /* Whoever ends a container ends what is being set up in there, and is told of it later. */
    if (f->sys == EINTR && is_exec_of_container(f) && strstr(f->detail, "signal 9"))
        return err_new(ERR_CONFLICT,
                       "the command was killed while it was being set up (%s): its container is "
                       "ending, or has no memory left",
                       f->detail);
    if (f->sys == EINTR)
        snprintf(s.text, sizeof(s.text), "the process was killed while it was being set up: %s",
                 f->detail);
    else
        snprintf(s.text, sizeof(s.text), "make the process: %s%s%s%s", f->detail,
                 f->detail[0] ? ": " : "", sys_text(f->sys, sys), hint);
    return with_prefix(f, ERR_INTERNAL, s.text);
}

static bool mixes_types(const struct keeper_failed *f)
{
    return f->code == P_ATTACH && (f->sys == ENOTDIR || f->sys == EISDIR);
}

/* What a user's own input can cause is the user's error. */
static enum err_kind kind_of(const struct keeper_failed *f)
{
    if (mixes_types(f))
        return ERR_INVALID;
    if (f->code == P_HOSTNAME || f->code == P_SYSCTL || f->code == P_RLIMIT || f->code == P_LABEL ||
        f->code == P_CONTEXT)
        return ERR_INVALID;
    return ERR_INTERNAL;
}

static bool container_is_gone(const struct keeper_failed *f)
{
    if (!is_exec_of_container(f))
        return false;
    return (f->code == P_SETNS && f->sys == ESRCH) || (f->code == P_PAYLOAD && f->sys == ENOMEM) ||
           (f->code == P_CGROUP && (f->sys == ENODEV || f->sys == ENOENT));
}

struct err *failure_explain(const struct keeper_failed *f)
{
    static const char mixed_hint[] =
        ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the "
        "specified host path exists and is the expected type";
    const char *act = "run a record", *hint = "";
    struct sentence s;
    char sys[128];

    if (container_is_gone(f))
        return err_new(ERR_CONFLICT, "the container is not running");
    if (f->code == P_EXEC)
        return explain_exec(f);
    if (f->code == P_CWD)
        return explain_cwd(f);
    if (f->code == 0)
        return explain_clone(f);
    if (f->code < P_CODE_END && acts[f->code])
        act = acts[f->code];
    if (mixes_types(f))
        hint = mixed_hint;
    else if (f->code == P_LABEL && f->sys == ENOENT)
        hint = " (it is not loaded: see aa-status and apparmor_parser)";
    else if (f->code == P_CONTEXT && f->sys == EACCES)
        hint = " (the policy does not let the engine's domain go there)";
    snprintf(s.text, sizeof(s.text), "%s%s%s: %s%s", act, f->detail[0] ? " " : "", f->detail,
             sys_text(f->sys, sys), hint);
    return with_prefix(f, kind_of(f), s.text);
}

/* By the words that are chosen above: errors are wrapped on their way, and the docker CLI reads
 * them in the same manner. */
int spawn_exit_code(const struct err *err, int otherwise)
{
    const char *t = err_text(err);
    bool is_of_command = strstr(t, "exec: ") != NULL;

    if (strstr(t, "executable file not found") ||
        (is_of_command && strstr(t, "no such file or directory")))
        return 127;
    if (is_of_command && (strstr(t, "permission denied") || strstr(t, "is a directory") ||
                          strstr(t, "exec format error")))
        return 126;
    return strstr(t, "killed by signal 9 during set-up") ? 128 + SIGKILL : otherwise;
}
