/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the TESTs of one program, each in a forked process and process group of its own, and
 * prints TAP with a summary line. Single thread.
 * Trap: the child leaves by exit(), so that LeakSanitizer looks at every passing test.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"

enum { TEST_DEADLINE_MS = 60000 };

struct arena *test_arena;

static struct test *first_test, **last_test = &first_test;
static char dir_path[64]; /* of the running test; made by the parent, so that it can remove it */

/* In memory where it can be: what is tested is not the disk, which may be slow. */
static const char *base_dir(void)
{
    return access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
}

void test_register(struct test *t)
{
    *last_test = t;
    last_test = &t->next;
}

_Noreturn void test_fail(const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "# %s:%d: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    fflush(NULL);
    _exit(1);
}

void test_check_ok(const char *file, int line, const char *what, struct err *e)
{
    if (e)
        test_fail(file, line, "%s gave error %d: %s", what, (int)err_kind(e), err_text(e));
}

void test_check_err(const char *file, int line, const char *what, struct err *e, enum err_kind kind)
{
    if (!e)
        test_fail(file, line, "%s gave no error, wanted kind %d", what, (int)kind);
    if (err_kind(e) != kind)
        test_fail(file, line, "%s gave error %d (%s), wanted kind %d", what, (int)err_kind(e),
                  err_text(e), (int)kind);
    err_drop(e);
}

void test_check_str(const char *file, int line, const char *what, const char *is,
                    const char *wanted)
{
    if (is == wanted || (is && wanted && !strcmp(is, wanted)))
        return;
    test_fail(file, line, "%s is %s%s%s, wanted %s%s%s", what, is ? "\"" : "", is ? is : "NULL",
              is ? "\"" : "", wanted ? "\"" : "", wanted ? wanted : "NULL", wanted ? "\"" : "");
}

void test_check_int(const char *file, int line, const char *what, int64_t is, int64_t wanted)
{
    if (is != wanted)
        test_fail(file, line, "%s is %lld, wanted %lld", what, (long long)is, (long long)wanted);
}

const char *test_dir(void)
{
    if (mkdir(dir_path, 0700) < 0 && errno != EEXIST)
        test_fail(__FILE__, __LINE__, "mkdir %s: %m", dir_path);
    return dir_path;
}

static void run_test(const struct test *t)
{
    test_arena = arena_create();
    t->run();
    arena_destroy(test_arena);
    test_arena = NULL;
}

static void remove_dir(void)
{
    struct err *e = dir_remove_tree(AT_FDCWD, dir_path);

    if (e)
        fprintf(stderr, "# %s\n", err_text(e));
    err_drop(e);
}

static bool is_ended_in_time(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd end = {.fd = fd, .events = POLLIN};
    int ready;

    if (fd < 0)
        return true; /* the wait that follows has no deadline then */
    do {
        ready = poll(&end, 1, TEST_DEADLINE_MS);
    } while (ready < 0 && errno == EINTR);
    close(fd);
    return ready != 0;
}

/* "" when passed, otherwise what happened. */
static const char *run_in_child(const struct test *t, char out[64])
{
    bool is_in_time;
    int status = 0;
    pid_t pid;

    snprintf(dir_path, sizeof(dir_path), "%s/berth-unit.%d.%llx", base_dir(), (int)getpid(),
             (unsigned long long)clock_boot_ns());
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        run_test(t);
        exit(0);
    }
    if (pid < 0)
        return "fork failed";
    setpgid(pid, pid);
    is_in_time = is_ended_in_time(pid);
    kill(-pid, SIGKILL); /* the test itself when it hangs, and whatever it left behind */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    remove_dir();
    if (!is_in_time)
        return "timed out";
    if (!status)
        return "";
    if (WIFSIGNALED(status))
        snprintf(out, 64, "killed by signal %d", WTERMSIG(status));
    else
        snprintf(out, 64, "exit status %d", WEXITSTATUS(status));
    return out;
}

static int run_one_here(const char *name)
{
    for (const struct test *t = first_test; t; t = t->next) {
        if (strcmp(t->name, name) != 0)
            continue;
        snprintf(dir_path, sizeof(dir_path), "%s/berth-unit.%d", base_dir(), (int)getpid());
        run_test(t);
        remove_dir();
        return 0;
    }
    fprintf(stderr, "no test is called %s\n", name);
    return 2;
}

static bool is_wanted(const struct test *t, const char *part)
{
    return !part || strstr(t->name, part);
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : NULL;
    int64_t begin = clock_boot_ns();
    int total = 0, number = 0, failed = 0;

    if (argc > 2 && !strcmp(argv[1], "-d"))
        return run_one_here(argv[2]);
    for (const struct test *t = first_test; t; t = t->next)
        total += is_wanted(t, part);
    printf("1..%d\n", total);
    for (const struct test *t = first_test; t; t = t->next) {
        char text[64];
        const char *what;

        if (!is_wanted(t, part))
            continue;
        what = run_in_child(t, text);
        failed += *what != '\0';
        printf("%sok %d - %s%s%s\n", *what ? "not " : "", ++number, t->name, *what ? " # " : "",
               what);
    }
    printf("# %d passed, %d failed, %lld ms\n", total - failed, failed,
           (long long)((clock_boot_ns() - begin) / NS_PER_MS));
    return failed || !total ? 1 : 0;
}
