/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* Launches, sealed programs, and what a failed record says. */
#include "runtime/keeper_conn.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "failure.h"
#include "program_writer.h"

#include "test.h"

TEST(launch_owns_its_fds)
{
    struct launch l;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), hold = open("/dev/null", O_RDONLY);

    launch_init(&l);
    CHECK_INT(l.program_fd, -1);
    CHECK_INT(l.cgroup_at, -1);
    CHECK_INT(launch_add_fd(&l, fd), 0);
    l.holds[0] = hold;
    l.roles[0] = ROLE_STDOUT;
    l.n_holds = 1;
    CHECK_INT(launch_take_hold(&l, ROLE_STDIN), -1);
    CHECK_INT(launch_take_hold(&l, ROLE_STDOUT), hold);
    CHECK_INT(launch_take_hold(&l, ROLE_STDOUT), -1);
    launch_close(&l);
    CHECK(fcntl(fd, F_GETFD) < 0);
    CHECK(fcntl(hold, F_GETFD) >= 0); /* taken */
    launch_close(&l);
    close(hold);
}

TEST(program_is_well_formed_and_sealed)
{
    autoprogram struct program p = {0};
    struct strs argv = text_split(test_arena, "sh -c ls", ' ');
    struct program_header *h;
    struct program_op *op;
    char *bytes;
    size_t n;
    int fd;

    program_add_str(&p, P_CWD, (struct program_args){NO_FD}, "/", NULL);
    program_add_strs(&p, P_EXEC, (struct program_args){NO_FD, .a = 3}, &argv);
    CHECK_OK(program_seal(&p, 5, &fd));
    CHECK(write(fd, "x", 1) < 0);
    CHECK_INT(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
    CHECK_OK(file_read_fd(test_arena, fd, PROGRAM_MAX, &bytes, &n));
    h = (struct program_header *)bytes;
    CHECK_INT(h->magic, PROGRAM_MAGIC);
    CHECK_INT(h->n_ops, 2);
    CHECK_INT(h->size, n);
    CHECK_INT(h->n_fds, 5);
    op = (struct program_op *)(bytes + sizeof(*h));
    CHECK_INT(op->code, P_CWD);
    CHECK_INT(op->size % 8, 0);
    CHECK_STR(op->data, "/");
    op = (struct program_op *)((char *)op + op->size);
    CHECK_INT(op->code, P_EXEC);
    CHECK(memcmp(op->data, "sh\0-c\0ls", 9) == 0);
    CHECK_INT((char *)op + op->size - bytes, n);
    close(fd);
}

TEST(program_too_large)
{
    autoprogram struct program p = {0};
    char *big = arena_alloc(test_arena, PROGRAM_MAX + 2);
    int fd;

    memset(big, 'x', PROGRAM_MAX + 1);
    program_add_str(&p, P_CWD, (struct program_args){NO_FD}, big, NULL);
    CHECK_ERR(program_seal(&p, 0, &fd), ERR_INVALID);
}

static void says(uint32_t code, int sys, uint32_t why, const char *detail, const char *id,
                 enum err_kind kind, const char *text)
{
    struct keeper_failed f = {.code = code, .sys = sys, .why = why};
    struct err *e;

    snprintf(f.detail, sizeof(f.detail), "%s", detail);
    snprintf(f.id, sizeof(f.id), "%s", id);
    e = failure_explain(&f);
    CHECK_STR(err_text(e), text);
    CHECK_INT(err_kind(e), kind);
    err_drop(e);
}

#define CREATE "OCI runtime create failed: unable to start container process: "
#define EXEC "OCI runtime exec failed: unable to start container process: "

TEST(failures_speak_dockers_words)
{
    says(P_EXEC, ENOENT, PROGRAM_WHY_NOT_IN_PATH, "foo", "c", ERR_INVALID,
         CREATE "exec: \"foo\": executable file not found in $PATH: unknown");
    says(P_EXEC, EACCES, PROGRAM_WHY_NOT_IN_PATH, "foo", "c/x", ERR_INVALID,
         EXEC "exec: \"foo\": executable file not found in $PATH: unknown");
    says(P_EXEC, ENOENT, PROGRAM_WHY_LOOKUP, "/x", "c", ERR_INVALID,
         CREATE "exec: \"/x\": stat /x: no such file or directory: unknown");
    says(P_EXEC, EACCES, PROGRAM_WHY_LOOKUP, "/x", "c", ERR_INVALID,
         CREATE "exec: \"/x\": permission denied: unknown");
    says(P_EXEC, EISDIR, PROGRAM_WHY_LOOKUP, "/x", "c", ERR_INVALID,
         CREATE "exec: \"/x\": is a directory: permission denied: unknown");
    says(P_EXEC, ENOEXEC, PROGRAM_WHY_EXECVE, "/x", "c", ERR_INVALID,
         CREATE "exec: \"/x\": exec format error: unknown");
    says(P_CWD, ENOENT, 0, "/w", "c/x", ERR_INVALID,
         EXEC
         "chdir to cwd (\"/w\") set in config.json failed: no such file or directory: unknown");
    says(P_SETNS, ESRCH, 0, "", "c/x", ERR_CONFLICT, "the container is not running");
    says(P_ATTACH, ENOTDIR, 0, "/m", "c", ERR_INVALID,
         CREATE "error mounting in the container /m: not a directory: Are you trying to mount a "
                "directory onto a file (or vice-versa)? Check if the specified host path exists "
                "and is the expected type: unknown");
    says(P_SYSCTL, ENOENT, 0, "net/x", "c", ERR_INVALID,
         CREATE "write sysctl net/x: no such file or directory: unknown");
    says(P_PIVOT, EINVAL, 0, "", "c", ERR_INTERNAL,
         CREATE "change the root: invalid argument: unknown");
    says(0, EAGAIN, 0, "clone", "c", ERR_INTERNAL,
         CREATE "make the process: clone: resource temporarily unavailable (the limit of "
                "processes is reached): unknown");
    says(999, EINVAL, 0, "", "c", ERR_INTERNAL, CREATE "run a record: invalid argument: unknown");
}

static int code_of(uint32_t code, int sys, uint32_t why, const char *detail)
{
    struct keeper_failed f = {.code = code, .sys = sys, .why = why, .id = "c"};
    struct err *e;
    int exit_code;

    snprintf(f.detail, sizeof(f.detail), "%s", detail);
    e = err_wrap(failure_explain(&f), "failed to create task for container");
    exit_code = spawn_exit_code(e, 128);
    err_drop(e);
    return exit_code;
}

TEST(failures_have_a_shells_exit_codes)
{
    CHECK_INT(code_of(P_EXEC, ENOENT, PROGRAM_WHY_NOT_IN_PATH, "foo"), 127);
    CHECK_INT(code_of(P_EXEC, ENOENT, PROGRAM_WHY_LOOKUP, "/x"), 127);
    CHECK_INT(code_of(P_EXEC, EACCES, PROGRAM_WHY_LOOKUP, "/x"), 126);
    CHECK_INT(code_of(P_EXEC, EISDIR, PROGRAM_WHY_LOOKUP, "/x"), 126);
    CHECK_INT(code_of(P_EXEC, ENOEXEC, PROGRAM_WHY_EXECVE, "/x"), 126);
    CHECK_INT(code_of(0, EINTR, 0, "killed by signal 9 during set-up"), 137);
    CHECK_INT(code_of(P_CWD, ENOENT, 0, "/w"), 128); /* not about the command */
    CHECK_INT(code_of(P_SYSCTL, ENOENT, 0, "net/x"), 128);
}
