/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* Profiles and the filters made from them; a filter is tried in a forked child, which
 * needs no root with no_new_privs. */
#include "syscall_filter.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "caps.h"

#include "../lib/filter_verdict.h"
#include "test.h"

/* fn under the filter: its return value (0–255), 255 when the filter does not load. */
static int under(const char *json, uint64_t caps, int (*fn)(void))
{
    struct sock_fprog prog;
    unsigned flags;
    char *code;
    size_t len;
    int fd, status;
    pid_t pid;

    CHECK_OK(syscall_filter_open(test_arena, json, caps, &fd, &flags));
    CHECK_OK(file_read_fd(test_arena, fd, 1 << 20, &code, &len));
    close(fd);
    CHECK(len > 0 && len % sizeof(struct sock_filter) == 0);
    prog = (struct sock_fprog){(unsigned short)(len / sizeof(struct sock_filter)), (void *)code};
    pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
            syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog))
            _exit(255);
        syscall(SYS_exit_group, fn()); /* ASan's _exit wants more than some filters allow */
    }
    CHECK_INT(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static int is(long rc, int wanted)
{
    return rc < 0 && errno == wanted;
}

static int denied(void)
{
    if (!is(syscall(SYS_unshare, CLONE_NEWUTS), EPERM))
        return 1;
    if (!is(syscall(SYS_mount, "a", "b", "c", 0, 0), EPERM))
        return 2;
    if (!is(syscall(SYS_keyctl, 0, 0, 0, 0, 0), EPERM))
        return 3;
    if (!is(syscall(SYS_bpf, 999, 0, 0), EPERM))
        return 4;
    if (!is(syscall(SYS_clone3, 0, 0), ENOSYS))
        return 5;
    if (!is(syscall(SYS_io_uring_setup, 1, 0), EPERM))
        return 6;
    if (!is(socket(38, SOCK_STREAM, 0), EPERM) || !is(socket(40, SOCK_STREAM, 0), EPERM))
        return 7;
    if (!is(syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0), EPERM))
        return 8;
    if (!is(syscall(SYS_personality, 0x0040000), EPERM))
        return 9;
    if (!is(syscall(SYS_clone, CLONE_PARENT | 17, 0, 0, 0, 0), EPERM))
        return 11;
    if (!is(syscall(SYS_open_by_handle_at, -1, 0, 0), EPERM))
        return 10;
    return 0;
}

static int allowed(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    pid_t pid;

    if (fd < 0 || close(fd))
        return 1;
    pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        return 2;
    if (personality(0xffffffff) < 0)
        return 3;
    if (!is(syscall(452 /* fchmodat2 */, -1, "x", 0, 0), EBADF) && errno != ENOSYS)
        return 4; /* newer than the library */
    if (syscall(SYS_capget, NULL, NULL) == 0 || errno == EPERM)
        return 5;
    return 0;
}

static int may_administer(void)
{
    if (is(syscall(SYS_mount, 0, 0, 0, 0, 0), EPERM) && geteuid() == 0)
        return 1;
    if (!is(syscall(SYS_clone3, 0, 0), EINVAL))
        return 2;
    return 0;
}

TEST(filter_default_denies)
{
    CHECK_INT(under(NULL, caps_default(), denied), 0);
}

TEST(filter_default_allows)
{
    CHECK_INT(under(NULL, caps_default(), allowed), 0);
}

TEST(filter_follows_capabilities)
{
    CHECK_INT(under(NULL, caps_known(), may_administer), 0);
}

static long call32(long number)
{
#ifdef __x86_64__
    long rc;

    __asm__ volatile("int $0x80"
                     : "=a"(rc)
                     : "a"(number), "b"(0)
                     : "memory", "r8", "r9", "r10", "r11");
    return rc;
#else
    return number == 467 ? -EPERM : -ENOSYS;
#endif
}

static int unknown_is_absent(void)
{
    if (!is(syscall(1000), ENOSYS) || !is(syscall(0x3fffffff), ENOSYS))
        return 1;
    if (!is(syscall(SYS_userfaultfd, 0), EPERM) || !is(syscall(SYS_open_tree, -1, "", 0), EPERM))
        return 2; /* named, and denied here */
    if (call32(1000) != -ENOSYS)
        return 3;
    return 0;
}

static int newest_is_known(void)
{
    return is(syscall(460, 0, 0, 0, 0), EACCES) && is(syscall(468), ENOSYS) ? 0 : 1;
}

TEST(filter_lets_newer_calls_look_absent)
{
    static const char *const none[] = {NULL};
    struct syscall_filter_profile killing = {.default_action = SCMP_ACT_KILL_PROCESS};
    struct syscall_filter_prefix prefix;

    CHECK_INT(under(NULL, caps_default(), unknown_is_absent), 0);
    CHECK_INT(
        under("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":13,\"syscalls\":[{"
              "\"names\":[\"exit_group\",\"open_tree_attr\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
              0, newest_is_known),
        0);
    syscall_filter_prefix_make(&killing, none, &prefix);
    CHECK_INT(prefix.n_code, 0);
    syscall_filter_prefix_make(&syscall_filter_default, none, &prefix);
    CHECK_INT(prefix.n_arches, 1);
    CHECK_INT(prefix.n_code, 7);
}

static int makes_directory(void)
{
    return is(syscall(SYS_mkdirat, AT_FDCWD, "/never", 0755), EXDEV) ? 0 : 1;
}

static int is_killed(void)
{
    syscall(SYS_getpgid, 0);
    return 0;
}

TEST(filter_of_a_user)
{
    CHECK_INT(under("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"mkdirat\","
                    "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":18}]}",
                    0, makes_directory),
              0);
    CHECK_INT(under("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getpgid\"],"
                    "\"action\":\"SCMP_ACT_KILL_PROCESS\"}]}",
                    0, is_killed),
              256 + 31);
}

TEST(filter_cache_gives_own_descriptions)
{
    unsigned flags;
    int a, b;

    CHECK_OK(syscall_filter_open(test_arena, NULL, 7, &a, &flags));
    CHECK_OK(syscall_filter_open(test_arena, NULL, 7, &b, &flags));
    CHECK_INT(flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
    CHECK(lseek(a, 8, SEEK_SET) == 8);
    CHECK_INT(lseek(b, 0, SEEK_CUR), 0);
    CHECK_INT(fcntl(a, F_GETFD), FD_CLOEXEC);
    for (uint64_t caps = 100; caps < 140; caps++) { /* more than it keeps */
        int c;

        CHECK_OK(syscall_filter_open(test_arena,
                                     "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[]}", caps,
                                     &c, &flags));
        close(c);
    }
    close(a);
    close(b);
}

TEST(rule_applies)
{
    static const char *const arm[] = {"arm64", NULL};
    struct syscall_filter_rule r = {.includes = {.caps = 6}};

    CHECK(syscall_filter_rule_applies(&r, 7, "amd64", 6, 0));
    CHECK(!syscall_filter_rule_applies(&r, 4, "amd64", 6, 0)); /* all of them */
    r = (struct syscall_filter_rule){.excludes = {.caps = 6}};
    CHECK(!syscall_filter_rule_applies(&r, 4, "amd64", 6, 0)); /* any of them */
    CHECK(syscall_filter_rule_applies(&r, 1, "amd64", 6, 0));
    r = (struct syscall_filter_rule){.includes = {.arches = arm}};
    CHECK(!syscall_filter_rule_applies(&r, 0, "amd64", 6, 0));
    CHECK(syscall_filter_rule_applies(&r, 0, "arm64", 6, 0));
    r = (struct syscall_filter_rule){.includes = {.kernel_major = 4, .kernel_minor = 8}};
    CHECK(syscall_filter_rule_applies(&r, 0, "amd64", 5, 0));
    CHECK(syscall_filter_rule_applies(&r, 0, "amd64", 4, 8));
    CHECK(!syscall_filter_rule_applies(&r, 0, "amd64", 4, 7));
    CHECK(!syscall_filter_rule_applies(&r, 0, "amd64", 3, 19));
}

TEST(profile_parses)
{
    struct syscall_filter_profile p;

    CHECK_OK(syscall_filter_parse(
        test_arena,
        "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"flags\":[\"SECCOMP_FILTER_"
        "FLAG_LOG\"],\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":["
        "\"SCMP_ARCH_X86\"]}],\"syscalls\":[{\"names\":[\"a\",\"b\"],\"action\":\"SCMP_ACT_ALLOW\","
        "\"args\":[{\"index\":1,\"value\":4294967295,\"valueTwo\":5,\"op\":\"SCMP_CMP_MASKED_EQ\"}]"
        ",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"],\"arches\":[\"amd64\"],\"minKernel\":\"4.8\"},"
        "\"excludes\":{\"caps\":[\"CAP_OF_TOMORROW\"]}}]}",
        &p));
    CHECK_INT(p.default_action, SCMP_ACT_ERRNO(38));
    CHECK_INT(p.flags, SECCOMP_FILTER_FLAG_LOG);
    CHECK_INT(p.n_rules, 1);
    CHECK_STR(p.rules[0].names[1], "b");
    CHECK(p.rules[0].names[2] == NULL);
    CHECK_INT(p.rules[0].args[0].index, 1);
    CHECK(p.rules[0].args[0].value == 4294967295u && p.rules[0].args[0].value_two == 5);
    CHECK(p.rules[0].includes.caps == CAPS_BIT(21));
    CHECK_INT(p.rules[0].includes.kernel_minor, 8);
    CHECK(p.rules[0].excludes.caps == CAPS_BIT(63));
}

static void refuses(const char *json)
{
    struct syscall_filter_profile p;

    CHECK_ERR(syscall_filter_parse(test_arena, json, &p), ERR_INVALID);
}

TEST(profile_refuses)
{
    refuses("");
    refuses("[]");
    refuses("{}");
    refuses("{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}");
    refuses("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":5000}");
    refuses("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}");
    refuses("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"PDP11\"]}");
    refuses("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"a\",\"names\":[\"b\"],"
            "\"action\":\"SCMP_ACT_ALLOW\"}]}");
    refuses("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"a\",\"action\":\"SCMP_"
            "ACT_ERRNO\",\"args\":[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]}]}");
    refuses("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"a\",\"action\":\"SCMP_"
            "ACT_ERRNO\",\"includes\":{\"minKernel\":\"4\"}}]}");
}

/* Refused with this in the sentence: the place, and what is wrong there. */
static void refuses_rule(const char *rule, const char *said)
{
    const char *json =
        arena_printf(test_arena,
                     "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],\"action\":"
                     "\"SCMP_ACT_LOG\"},{\"action\":\"SCMP_ACT_ERRNO\",%s}]}",
                     rule);
    struct syscall_filter_profile p;
    struct err *e = syscall_filter_parse(test_arena, json, &p);

    if (!e || !strstr(err_text(e), said))
        test_fail(__FILE__, __LINE__, "%s: %s", rule, e ? err_text(e) : "is accepted");
    err_drop(e);
}

TEST(profile_not_exactly_understood_is_refused_with_the_place)
{
    refuses_rule("\"names\":\"x\"", "syscalls[1].names: it must be a list");
    refuses_rule("\"names\":[\"x\",1]", "syscalls[1].names[1]: it must be a string");
    refuses_rule("\"comment\":\"\"", "syscalls[1]: it names no system call");
    refuses_rule("\"name\":\"x\",\"arg\":[]", "syscalls[1]: unknown key \"arg\"");
    refuses_rule("\"name\":\"x\",\"Name\":\"y\"", "syscalls[1]: the key comes twice: \"Name\"");
    refuses_rule("\"name\":\"x\",\"args\":[{\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}]",
                 "syscalls[1].args[0].value: it must be an integer from 0 to 18446744073709551615, "
                 "not \"-1\"");
    refuses_rule("\"name\":\"x\",\"args\":[{\"value\":1.5,\"op\":\"SCMP_CMP_EQ\"}]", "not \"1.5\"");
    refuses_rule("\"name\":\"x\",\"args\":[{\"value\":1e3,\"op\":\"SCMP_CMP_EQ\"}]", "not \"1e3\"");
    refuses_rule("\"name\":\"x\",\"args\":[{\"valueTwo\":18446744073709551616,"
                 "\"op\":\"SCMP_CMP_EQ\"}]",
                 "args[0].valueTwo");
    refuses_rule("\"name\":\"x\",\"args\":[{\"value\":\"1\",\"op\":\"SCMP_CMP_EQ\"}]",
                 "args[0].value: it must be a number");
    refuses_rule("\"name\":\"x\",\"args\":{}", "syscalls[1].args: it must be a list");
    refuses_rule("\"name\":\"x\",\"args\":[7]", "syscalls[1].args[0]: it is not an object");
    refuses_rule("\"name\":\"x\",\"errnoRet\":-1", "syscalls[1].errnoRet");
    refuses_rule("\"name\":\"x\",\"includes\":[]", "syscalls[1].includes: it must be an object");
    refuses_rule("\"name\":\"x\",\"excludes\":{\"caps\":\"X\"}",
                 "excludes.caps: it must be a list");
    refuses_rule("\"name\":\"x\",\"excludes\":{\"cap\":[]}", "excludes: unknown key \"cap\"");
    refuses("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":{}}");
    refuses("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"}");
    refuses("{\"defaultAction\":1}");
}

TEST(profile_values_are_exact)
{
    struct syscall_filter_profile p;

    CHECK_OK(syscall_filter_parse(
        test_arena,
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"name\":\"x\",\"args\":[{\"value\":"
        "9007199254740993,\"valueTwo\":18446744073709551615,\"op\":\"SCMP_CMP_EQ\"}],\"action\":"
        "\"SCMP_ACT_ERRNO\",\"errnoRet\":null,\"comment\":\"\",\"includes\":{},\"excludes\":{}}]}",
        &p));
    CHECK(p.rules[0].args[0].value == 9007199254740993u);
    CHECK(p.rules[0].args[0].value_two == UINT64_MAX);
    CHECK_INT(p.rules[0].action, SCMP_ACT_ERRNO(EPERM));
}

TEST(profile_architectures_that_libseccomp_does_not_know_are_left_out)
{
    struct syscall_filter_profile p;

    CHECK_OK(syscall_filter_parse(test_arena,
                                  "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":["
                                  "\"SCMP_ARCH_OF_TOMORROW\",\"SCMP_ARCH_X86\"]}",
                                  &p));
    CHECK_STR(p.arches[0], "x86");
    CHECK(p.arches[1] == NULL);
    CHECK_OK(syscall_filter_parse(test_arena,
                                  "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{"
                                  "\"architecture\":\"SCMP_ARCH_OF_TOMORROW\","
                                  "\"subArchitectures\":[\"SCMP_ARCH_X86\"]}]}",
                                  &p));
    CHECK(p.arches[0] == NULL);
}

/* ---- shortened filters ---- */

struct filter_pair {
    struct sock_filter *plain, *shorter;
    size_t n_plain, n_shorter, n_words;
    uint32_t words[3 * 4096]; /* every constant of the program and its neighbours */
};

static void pair_make(struct filter_pair *p, const char *json, uint64_t caps)
{
    struct syscall_filter_profile parsed;

    if (json)
        CHECK_OK(syscall_filter_parse(test_arena, json, &parsed));
    CHECK_OK(syscall_filter_make(test_arena, json ? &parsed : &syscall_filter_default, caps,
                                 &p->plain, &p->n_plain));
    CHECK(p->n_plain <= 4096);
    CHECK(syscall_filter_shorten(test_arena, p->plain, p->n_plain, &p->shorter, &p->n_shorter));
    p->n_words = 0;
    for (size_t i = 0; i < p->n_plain; i++)
        if (BPF_CLASS(p->plain[i].code) != BPF_RET)
            for (uint32_t by = 0; by < 3; by++)
                p->words[p->n_words++] = p->plain[i].k + by - 1;
}

static void same_verdict(const struct filter_pair *p, const struct seccomp_data *d)
{
    uint32_t plain = filter_verdict(p->plain, p->n_plain, d);
    uint32_t shorter = filter_verdict(p->shorter, p->n_shorter, d);

    if (plain != shorter)
        printf("arch %x, call %d, arguments %llx %llx\n", d->arch, d->nr,
               (unsigned long long)d->args[0], (unsigned long long)d->args[1]);
    CHECK_INT(shorter, plain);
}

static uint32_t random_word(const struct filter_pair *p)
{
    static uint32_t seed = 1;

    seed = seed * 1664525 + 1013904223;
    return seed >> 31 ? p->words[(seed >> 8) % p->n_words] : seed >> 13;
}

/* Every number with simple arguments, in each architecture; then what the program compares with, in
 * any combination. */
static void same_verdicts(const char *json, uint64_t caps)
{
    static const uint32_t arches[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64, 0, ~0u};
    static const uint64_t arguments[] = {0, 1, 40, CLONE_NEWUSER, 0xffffffff, ~0ull};
    struct filter_pair *p = arena_new(test_arena, struct filter_pair);
    struct seccomp_data d = {0};

    pair_make(p, json, caps);
    for (size_t arch = 0; arch < ARRAY_LEN(arches); arch++)
        for (uint32_t number = 0; number < 1200; number++)
            for (size_t i = 0; i < ARRAY_LEN(arguments); i++) {
                d.arch = arches[arch];
                d.nr = (int)(number < 600 ? number : number - 600 + 0x40000000);
                for (int k = 0; k < 6; k++)
                    d.args[k] = arguments[(i + (size_t)k) % ARRAY_LEN(arguments)];
                same_verdict(p, &d);
            }
    for (int i = 0; i < 300000; i++) {
        d.arch = i % 4 ? arches[i % ARRAY_LEN(arches)] : random_word(p);
        d.nr = (int)random_word(p);
        for (int k = 0; k < 6; k++)
            d.args[k] = (uint64_t)random_word(p) << 32 | random_word(p);
        if (i & 1)
            d.args[0] &= UINT32_MAX;
        same_verdict(p, &d);
    }
}

TEST(filter_shortened_is_the_same)
{
    same_verdicts(NULL, caps_default());
    same_verdicts(NULL, caps_known());
    same_verdicts(NULL, 0);
}

TEST(filter_shortened_is_short)
{
    struct filter_pair *p = arena_new(test_arena, struct filter_pair);

    pair_make(p, NULL, caps_default());
    printf("%zu of %zu instructions\n", p->n_shorter, p->n_plain);
    CHECK(p->n_shorter * 4 < p->n_plain);
}
