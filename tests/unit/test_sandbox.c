/* SPDX-License-Identifier: Apache-2.0 */
/* links: runtime core base */
/* Decisions about a sandbox without making one: options, argv, checks, plans, warnings. */
#include "runtime/sandbox.h"

#include "base/json.h"

#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>

#include "caps.h"
#include "plan.h"
#include "secopt.h"

#include "test.h"

static struct config *config(const char *json)
{
    struct config *c = arena_new(test_arena, struct config);

    CHECK_OK(json_decode(test_arena, json, strlen(json), &config_json, c));
    return c;
}

static struct host_config *host(const char *json)
{
    struct host_config *h = arena_new(test_arena, struct host_config);

    CHECK_OK(json_decode(test_arena, json, strlen(json), &host_config_json, h));
    return h;
}

/* ---- options ---- */

TEST(secopt_accepts_both_separators)
{
    struct secopt o;
    struct strs s = {0};

    strs_add(test_arena, &s, "seccomp:unconfined");
    strs_add(test_arena, &s, "no-new-privileges");
    CHECK_OK(secopt_parse(test_arena, &s, &o));
    CHECK_INT(o.filter, SECOPT_UNCONFINED);
    CHECK(o.no_new_privs && o.filter_is_given);
    s = (struct strs){0};
    strs_add(test_arena, &s, "seccomp={\"a\":\"b=c\"}");
    strs_add(test_arena, &s, "no-new-privileges:false");
    strs_add(test_arena, &s, "label=disable");
    strs_add(test_arena, &s, "apparmor=unconfined");
    CHECK_OK(secopt_parse(test_arena, &s, &o));
    CHECK_STR(o.profile, "{\"a\":\"b=c\"}");
    CHECK(!o.no_new_privs);
}

TEST(secopt_refuses)
{
    static const char *const bad[] = {"nonsense", "foo=bar", "no-new-privileges=maybe",
                                      "label=nosuch:x"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct secopt o;
        struct strs s = {0};

        strs_add(test_arena, &s, bad[i]);
        CHECK_ERR(secopt_parse(test_arena, &s, &o), ERR_INVALID);
    }
}

TEST(argv_is_entrypoint_and_cmd)
{
    struct strs argv;

    CHECK_OK(
        process_argv(test_arena, config("{\"Entrypoint\":[\"a\"],\"Cmd\":[\"b\",\"\"]}"), &argv));
    CHECK_INT(argv.n, 3);
    CHECK_STR(argv.v[0], "a");
    CHECK_OK(process_argv(test_arena, config("{\"Entrypoint\":[\"\"],\"Cmd\":[\"b\"]}"), &argv));
    CHECK_INT(argv.n, 1);
    CHECK_ERR(process_argv(test_arena, config("{}"), &argv), ERR_INVALID);
}

TEST(env_is_merged)
{
    struct strs extra = text_split(test_arena, "B=new TERM", ' ');
    struct strs env = process_env(test_arena, config("{\"Env\":[\"B=1\",\"PATH=/x\",\"C=\"]}"), "h",
                                  &extra, true, "/home");

    CHECK_STR(strs_join(test_arena, &env, " "), "PATH=/x HOSTNAME=h B=new C= HOME=/home");
    env = process_env(test_arena, config("{\"Env\":[\"HOME=/mine\"]}"), "h", NULL, true, "/home");
    CHECK(strs_has(&env, "HOME=/mine") && !strs_has(&env, "HOME=/home"));
    CHECK(strs_has(&env, "TERM=xterm"));
}

TEST(limits_are_parsed)
{
    struct process_limit *l;

    CHECK_OK(
        process_limits(test_arena,
                       &host("{\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1,\"Hard\":2},{\"Name\":"
                             "\"core\",\"Soft\":-1,\"Hard\":-1}]}")
                            ->ulimits,
                       &l));
    CHECK(l[0].resource == RLIMIT_NOFILE && l[0].soft == 1 && l[0].hard == 2);
    CHECK(l[1].soft == RLIM_INFINITY);
}

TEST(sysctl_names)
{
    CHECK_STR(sysctl_path(test_arena, "net.ipv4.ip_forward"), "net/ipv4/ip_forward");
    CHECK_STR(sysctl_path(test_arena, "net.ipv4.conf.eth0/1.forwarding"),
              "net/ipv4/conf/eth0.1/forwarding");
    CHECK_STR(sysctl_path(test_arena, "net/ipv4/conf/eth0.1/x"), "net/ipv4/conf/eth0.1/x");
    CHECK_INT(sysctl_space("kernel.shmmax"), SYSCTL_IPC);
    CHECK_INT(sysctl_space("fs.mqueue.msg_max"), SYSCTL_IPC);
    CHECK_INT(sysctl_space("net.core.somaxconn"), SYSCTL_NET);
    CHECK_INT(sysctl_space("kernel.panic"), SYSCTL_NONE);
}

/* ---- what is refused at create ---- */

static void refuses(const char *c, const char *h, const char *text)
{
    struct err *e = sandbox_check(test_arena, config(c), host(h));

    CHECK_STR(e ? err_text(e) : "nothing", text);
    CHECK_INT(err_kind(e), ERR_INVALID);
    err_drop(e);
}

TEST(check_accepts_the_ordinary)
{
    CHECK_OK(sandbox_check(test_arena, config("{}"), host("{}")));
    CHECK_OK(sandbox_check(
        test_arena, config("{\"Hostname\":\"web-1\",\"Env\":[\"A\",\"B=\"]}"),
        host("{\"Memory\":6291456,\"MemorySwap\":-1,\"MemorySwappiness\":-1,\"CpuPeriod\":100000,"
             "\"CpuQuota\":-1,\"CpusetCpus\":\"0-1,3\",\"NetworkMode\":\"default\",\"IpcMode\":"
             "\"private\",\"PidMode\":\"container:x\",\"RestartPolicy\":{\"Name\":\"on-failure\","
             "\"MaximumRetryCount\":3},\"OomScoreAdj\":-1000,\"UsernsMode\":\"host\"}")));
}

TEST(check_lengths)
{
    char path[5001] = "", text[5200];

    memset(path, 'a', sizeof(path) - 1);
    snprintf(text, sizeof(text), "{\"Binds\":[\"/%s:/x\"]}", path);
    CHECK_ERR(sandbox_check(test_arena, config("{}"), host(text)), ERR_INVALID);
    snprintf(text, sizeof(text), "{\"Tmpfs\":{\"/%s\":\"\"}}", path);
    CHECK_ERR(sandbox_check(test_arena, config("{}"), host(text)), ERR_INVALID);
    snprintf(text, sizeof(text), "{\"WorkingDir\":\"/%s\"}", path);
    CHECK_ERR(sandbox_check(test_arena, config(text), host("{}")), ERR_INVALID);
    CHECK_OK(sandbox_check(test_arena, config("{}"), host("{\"Binds\":[\"\"]}")));
}

TEST(check_resources)
{
    refuses("{}", "{\"Memory\":1000}", "Minimum memory limit allowed is 6MB");
    refuses("{}", "{\"Memory\":8388608,\"MemorySwap\":7340032}",
            "Minimum memoryswap limit should be larger than memory limit, see usage");
    refuses("{}", "{\"MemorySwap\":8388608}",
            "You should always set the Memory limit when using Memoryswap limit, see usage");
    refuses("{}", "{\"MemorySwappiness\":101}",
            "Invalid value: 101, valid memory swappiness range is 0-100");
    refuses("{}", "{\"NanoCpus\":1000000000,\"CpuQuota\":5000}",
            "Conflicting options: Nano CPUs and CPU Quota cannot both be set.");
    refuses("{}", "{\"CpuPeriod\":10}",
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
    refuses("{}", "{\"CpuQuota\":10}", "CPU cfs quota can not be less than 1ms (i.e. 1000)");
    refuses("{}", "{\"CpusetCpus\":\"0-\"}", "Invalid value 0- for cpuset cpus");
    refuses("{}", "{\"TimeOffsets\":{\"realtime\":\"5\"}}",
            "invalid time offset realtime: the clocks of a time namespace are monotonic and "
            "boottime");
    refuses("{}", "{\"TimeOffsets\":{\"boottime\":\"5s\"}}",
            "invalid time offset boottime=5s: it is a number of seconds, as in 3600 or -0.5");
    refuses("{}", "{\"BlkioWeight\":5}", "Range of blkio weight is from 10 to 1000");
    refuses("{}", "{\"OomScoreAdj\":1001}",
            "Invalid value 1001, range for oom score adj is [-1000, 1000]");
    refuses("{}", "{\"ShmSize\":-1}", "SHM size can not be less than 0");
    refuses("{}", "{\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":20,\"Hard\":10}]}",
            "ulimit soft limit must be less than or equal to hard limit: 20 > 10");
    refuses("{}", "{\"Ulimits\":[{\"Name\":\"files\"}]}", "invalid ulimit type: files");
}

TEST(check_modes)
{
    refuses("{\"Hostname\":\"x\"}", "{\"UTSMode\":\"host\"}",
            "conflicting options: hostname and the UTS mode");
    refuses("{\"Hostname\":\"x\"}", "{\"NetworkMode\":\"container:y\"}",
            "conflicting options: hostname and the network mode");
    refuses("{}", "{\"NetworkMode\":\"container:\"}",
            "Invalid network mode: invalid container format container:<name|id>");
    refuses("{}", "{\"NetworkMode\":\"container:x\",\"PublishAllPorts\":true}",
            "conflicting options: port publishing and the container type network mode");
    refuses("{}", "{\"PidMode\":\"mine\"}", "invalid PID mode: mine");
    refuses("{}", "{\"IpcMode\":\"container:\"}", "invalid IPC mode: container:");
    refuses("{}", "{\"UTSMode\":\"container:x\"}", "invalid UTS mode: container:x");
    refuses("{\"Hostname\":\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg\"}",
            "{}",
            "invalid hostname: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg "
            "is longer than 64 characters");
    refuses("{}", "{\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"always\"}}",
            "can't create 'AutoRemove' container with restart policy");
    refuses("{}", "{\"Sysctls\":{\"kernel.panic\":\"1\"}}",
            "sysctl \"kernel.panic\" is not in a separate kernel namespace");
    refuses("{}", "{\"Sysctls\":{\"net.x\":\"1\"},\"NetworkMode\":\"host\"}",
            "sysctl 'net.x' not allowed in host network namespace");
    refuses("{}", "{\"Sysctls\":{\"net.../../../x\":\"1\"}}",
            "invalid sysctl name: net.../../../x");
    refuses("{\"Env\":[\"=x\"]}", "{}", "invalid environment variable: =x");
    refuses("{\"WorkingDir\":\"x\"}", "{}",
            "the working directory 'x' is invalid, it needs to be an absolute path");
    refuses("{}", "{\"Binds\":[\"/a:/proc/self\"]}",
            "\"/proc/self\" cannot be mounted because it is inside /proc");
    refuses("{}", "{\"CapAdd\":[\"WHAT\"]}", "invalid CapAdd: unknown capability: \"CAP_WHAT\"");
    refuses("{}", "{\"DeviceRequests\":[{\"Driver\":\"\",\"Capabilities\":[[\"gpu\"]]}]}",
            "could not select device driver \"\" with capabilities: [[\"gpu\"]]");
}

/* ---- plans ---- */

struct view { /* of a program */
    const struct program_op *ops[200];
    size_t n;
};

static struct view look(const struct program *p)
{
    const char *at = p->bytes.data + sizeof(struct program_header);
    struct view v = {0};

    for (; v.n < p->n_ops; v.n++) {
        v.ops[v.n] = (const struct program_op *)at;
        at += v.ops[v.n]->size;
    }
    CHECK(at == p->bytes.data + p->bytes.len);
    return v;
}

static int find(const struct view *v, uint16_t code, const char *text)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->ops[i]->code == code && (!text || strcmp(v->ops[i]->data, text) == 0))
            return (int)i;
    return -1;
}

/* The string i of a record. */
static const char *string_of(const struct view *v, int at, unsigned i)
{
    const char *s = v->ops[at]->data;

    while (i--)
        s += strlen(s) + 1;
    return s;
}

static int find_mount(const struct view *v, const char *type)
{
    return find(v, P_MOUNT, type);
}

static struct plan_sandbox plan_of(struct sandbox_input *in)
{
    struct plan_sandbox plan = {.in = in,
                                .net = 1,
                                .ipc = -1,
                                .pid = -1,
                                .uts = -1,
                                .userns = -1,
                                .mqueue = -1,
                                .root = 2,
                                .dev = 3,
                                .pts = 4,
                                .shm = 5,
                                .shm_donor = -1,
                                .console = -1,
                                .mask = 6,
                                .null = 7};

    plan.process.host = in->host;
    plan.process.argv = text_split(test_arena, "ls -l", ' ');
    plan.process.env = text_split(test_arena, "A=1", ' ');
    plan.process.cwd = "/";
    plan.process.caps = caps_default();
    plan.process.filter = 8;
    plan.process.tty = -1;
    return plan;
}

static struct sandbox_input input(const char *h)
{
    struct sandbox_input in = {
        .id = "x",
        .config = config("{}"),
        .host = host(h),
        .hostname = "me",
        .ns = {.net = -1, .ipc = -1, .pid = -1, .uts = -1, .shm = -1, .userns = -1}};

    return in;
}

TEST(plan_has_the_right_order)
{
    struct sandbox_input in = input("{}");
    struct plan_sandbox plan = plan_of(&in);
    struct program p = {0};
    struct view v;

    plan.cgroups[0] = 9;
    plan.n_cgroups = 1;
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    CHECK_INT(find(&v, P_CGROUP, NULL), 0);
    CHECK(find(&v, P_SETNS, NULL) < find(&v, P_ROOT, NULL));
    CHECK(find(&v, P_ROOT, NULL) < find_mount(&v, "proc"));
    CHECK(find_mount(&v, "proc") < find(&v, P_ATTACH, "/dev"));
    CHECK(find(&v, P_ATTACH, "/dev") < find(&v, P_ATTACH, "/dev/pts"));
    CHECK(find(&v, P_ATTACH, "/dev/pts") < find(&v, P_MASK, "/proc/kcore"));
    CHECK(find(&v, P_MASK, "/proc/kcore") < find(&v, P_PIVOT, NULL));
    CHECK(find(&v, P_READONLY, "/proc/sys") < find(&v, P_PIVOT, NULL));
    CHECK(find(&v, P_PIVOT, NULL) < find(&v, P_CAPS, NULL));
    CHECK(find(&v, P_CAPS, NULL) < find(&v, P_SECCOMP, NULL)); /* while still privileged */
    CHECK(find(&v, P_CWD, "/") < find(&v, P_SECCOMP, NULL));
    CHECK(find(&v, P_SECCOMP, NULL) < find(&v, P_USER, NULL));
    CHECK_INT(find(&v, P_EXEC, NULL), v.n - 1);
    CHECK(find(&v, P_HOSTNAME, "me") > 0);
    CHECK_INT(find(&v, P_ROOT_READONLY, NULL), -1);
    CHECK_INT(find(&v, P_CTTY, NULL), -1);
    CHECK_INT(find(&v, P_INIT, NULL), -1);
    program_finish(&p);
}

/* Who shares another's host name does not set it. */
TEST(plan_joins_another_hosts_name)
{
    struct sandbox_input in = input("{}");
    struct plan_sandbox plan = plan_of(&in);
    struct program p = {0};
    struct view v;
    int at = -1;

    plan.uts = 9;
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    for (size_t i = 0; i < v.n; i++)
        if (v.ops[i]->code == P_SETNS && v.ops[i]->a == CLONE_NEWUTS)
            at = (int)i;
    CHECK(at >= 0);
    CHECK(at < find(&v, P_ROOT, NULL));
    CHECK_INT(find(&v, P_HOSTNAME, NULL), -1);
    program_finish(&p);
}

TEST(plan_no_new_privs_loads_the_filter_last)
{
    struct sandbox_input in = input("{}");
    struct plan_sandbox plan = plan_of(&in);
    struct program p = {0};
    struct view v;

    plan.process.no_new_privs = true;
    plan.process.has_init = true;
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    CHECK(find(&v, P_USER, NULL) < find(&v, P_NO_NEW_PRIVS, NULL));
    CHECK(find(&v, P_NO_NEW_PRIVS, NULL) < find(&v, P_SECCOMP, NULL));
    CHECK(find(&v, P_SECCOMP, NULL) < find(&v, P_INIT, NULL)); /* pid 1 is filtered too */
    program_finish(&p);
}

TEST(plan_privileged_masks_nothing)
{
    struct sandbox_input in = input("{\"Privileged\":true,\"ReadonlyRootfs\":true}");
    struct plan_sandbox plan = plan_of(&in);
    struct program p = {0};
    struct view v;

    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    CHECK_INT(find(&v, P_MASK, NULL), -1);
    CHECK_INT(find(&v, P_READONLY, NULL), -1);
    CHECK(find(&v, P_ROOT_READONLY, NULL) > find(&v, P_PIVOT, NULL));
    program_finish(&p);
}

TEST(plan_given_masks_replace_the_defaults)
{
    struct sandbox_input in = input("{\"MaskedPaths\":[\"/proc/x\"],\"ReadonlyPaths\":[]}");
    struct plan_sandbox plan = plan_of(&in);
    struct program p = {0};
    struct view v;

    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    CHECK(find(&v, P_MASK, "/proc/x") > 0);
    CHECK_INT(find(&v, P_MASK, "/proc/kcore"), -1);
    CHECK_INT(find(&v, P_READONLY, NULL), -1);
    program_finish(&p);
}

TEST(plan_user_mounts_win)
{
    struct sandbox_input in = input("{}");
    struct plan_sandbox plan = plan_of(&in);
    struct plan_attach mounts[] = {{.fd = 10, .target = "/dev/shm", .flags = PF_MAKE_DIR},
                                   {.fd = 11, .target = "/sys/fs/cgroup"}};
    struct program p = {0};
    struct view v;
    int at;

    in.is_v2 = true;
    plan.mounts = mounts;
    plan.n_mounts = 2;
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    at = find(&v, P_ATTACH, "/dev/shm");
    CHECK_INT(v.ops[at]->fd, 10);
    CHECK_INT(find_mount(&v, "cgroup2"), -1);
    program_finish(&p);
}

/* The null device that masks files is cloned from the folder of ours, which therefore hangs
 * somewhere: before Linux 6.15 nothing else can be cloned. */
TEST(plan_user_mount_at_dev_lies_over_ours)
{
    struct sandbox_input in = input("{}");
    struct plan_sandbox plan = plan_of(&in);
    struct plan_attach mount = {.fd = 10, .target = "/dev"};
    struct program p = {0};
    struct view v;
    int ours, theirs = -1;

    plan.mounts = &mount;
    plan.n_mounts = 1;
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    ours = find(&v, P_ATTACH, "/dev");
    for (size_t i = 0; i < v.n; i++)
        if (v.ops[i]->code == P_ATTACH && v.ops[i]->fd == 10)
            theirs = (int)i;
    CHECK_INT(v.ops[ours]->fd, 3);
    CHECK(ours < theirs && theirs < find(&v, P_MASK, NULL));
    CHECK_INT(find(&v, P_ATTACH, "/dev/pts"), -1);
    program_finish(&p);
}

/* A new mount of cgroup2 in the host's cgroup namespace would change the host's mount options. */
TEST(plan_host_cgroup_is_never_mounted_anew)
{
    for (int host = 0; host < 2; host++) {
        struct sandbox_input in = input("{}");
        struct plan_sandbox plan = plan_of(&in);
        struct program p = {0};
        struct view v;

        in.is_v2 = true;
        in.ns.host_cgroup = host;
        plan_sandbox(test_arena, &plan, &p);
        v = look(&p);
        CHECK((find_mount(&v, "cgroup2") >= 0) == !host);
        program_finish(&p);
    }
}

TEST(plan_namespaces)
{
    struct sandbox_input in = input("{}");

    CHECK(plan_own_spaces(&in) ==
          (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS));
    in.ns = (struct sandbox_namespaces){
        .net = 4, .ipc = -1, .pid = 5, .uts = -1, .host_ipc = true, .host_uts = true};
    CHECK(plan_own_spaces(&in) == CLONE_NEWNS);
    CHECK_INT(plan_exec_spaces(host("{\"PidMode\":\"host\",\"NetworkMode\":\"host\"}"), false),
              CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWUTS);
}

/* In the helper of an exec, too: the payload is in reach of the container. */
TEST(plan_profile_is_asked_for_before_rights_go)
{
    struct sandbox_input in = input("{}");
    struct plan_sandbox plan = plan_of(&in);
    struct plan_exec exec = {.pidfd = 1};
    struct program p = {0};
    struct view v;

    plan.process.profile = "p";
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    CHECK(find(&v, P_LABEL, "p") > 0);
    CHECK_INT(v.ops[find(&v, P_LABEL, "p")]->flags, 0);
    CHECK(find(&v, P_LABEL, "p") < find(&v, P_SECCOMP, NULL));
    CHECK(find(&v, P_LABEL, "p") < find(&v, P_USER, NULL));
    program_finish(&p);
    plan.process.has_init = true;
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    CHECK_INT(v.ops[find(&v, P_LABEL, "p")]->flags, PF_NOW);
    program_finish(&p);
    exec.process = plan.process;
    exec.process.is_payload = true;
    plan_exec(&exec, &p);
    v = look(&p);
    CHECK(find(&v, P_LABEL, "p") > 0);
    CHECK(find(&v, P_LABEL, "p") < find(&v, P_PAYLOAD, NULL));
    program_finish(&p);
}

/* With --init at once: but for the filter nothing that is the keeper's is read afterwards. */
TEST(plan_context_is_asked_for_before_rights_go)
{
    struct sandbox_input in = input("{}");
    struct plan_sandbox plan = plan_of(&in);
    struct plan_exec exec = {.pidfd = 1};
    struct program p = {0};
    struct view v;

    plan.process.context = "u:r:t";
    in.mount_label = "u:object_r:f";
    plan.own_spaces = plan_own_spaces(&in);
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    CHECK(find(&v, P_CONTEXT, "keycreate") > 0);
    CHECK(find(&v, P_CONTEXT, "keycreate") < find(&v, P_KEYRING, NULL));
    CHECK_STR(string_of(&v, find(&v, P_CONTEXT, "exec"), 1), "u:r:t");
    CHECK(find(&v, P_CONTEXT, "exec") < find(&v, P_SECCOMP, NULL));
    CHECK(find(&v, P_CONTEXT, "exec") < find(&v, P_USER, NULL));
    CHECK_STR(string_of(&v, find_mount(&v, "mqueue"), 2), "rootcontext=u:object_r:f");
    program_finish(&p);
    plan.process.has_init = true;
    plan.own_spaces &= ~(uint64_t)CLONE_NEWIPC; /* another's queues */
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    CHECK(find(&v, P_CONTEXT, "current") > 0);
    CHECK(find(&v, P_CONTEXT, "current") < find(&v, P_INIT, NULL));
    CHECK_STR(string_of(&v, find_mount(&v, "mqueue"), 2), "");
    program_finish(&p);
    exec.process = plan.process;
    exec.process.has_init = false;
    exec.process.is_payload = true;
    plan_exec(&exec, &p);
    v = look(&p);
    CHECK(find(&v, P_CONTEXT, "exec") > 0);
    CHECK(find(&v, P_CONTEXT, "exec") < find(&v, P_PAYLOAD, NULL));
    program_finish(&p);
    plan.process.context = NULL;
    in.mount_label = NULL;
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    CHECK(find(&v, P_CONTEXT, "exec") < 0 && find(&v, P_CONTEXT, "keycreate") < 0);
    program_finish(&p);
}

/* What only the host's root may comes before, what has to belong to the namespace behind. */
TEST(plan_user_namespace_owns_what_is_made)
{
    struct sandbox_input in = input("{\"OomScoreAdj\":-5}");
    struct plan_sandbox plan = plan_of(&in);
    struct process_limit limit = {.resource = 1, .soft = 2, .hard = 3};
    struct program p = {0};
    struct view v;
    int entered;

    plan.userns = 13;
    plan.own_spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC;
    plan.process.limits = &limit;
    plan.process.n_limits = 1;
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    entered = find(&v, P_UNSHARE, NULL);
    CHECK_INT(v.ops[entered - 1]->code, P_SETNS);
    CHECK_INT(v.ops[entered - 1]->fd, 13);
    CHECK_INT(v.ops[entered - 1]->a, CLONE_NEWUSER);
    CHECK_INT(v.ops[entered]->a, plan.own_spaces);
    CHECK_INT(find(&v, P_PAYLOAD, NULL), entered + 1);
    CHECK(find(&v, P_OOM_SCORE, NULL) < entered);
    CHECK(find(&v, P_RLIMIT, NULL) < entered);
    CHECK_INT(v.ops[find(&v, P_RLIMIT, NULL)]->flags, PF_RAISE);
    CHECK(find(&v, P_ROOT, NULL) > entered);
    for (size_t i = (size_t)entered; i < v.n; i++)
        CHECK(v.ops[i]->code != P_OOM_SCORE);
    program_finish(&p);
}

/* Whoever is in there can be traced by it: only what has dropped everything may come. */
TEST(plan_shared_pid_namespace_is_entered_by_the_payload_alone)
{
    struct sandbox_input in = input("{}");
    struct plan_sandbox plan = plan_of(&in);
    struct program p = {0};
    struct view v;

    plan.pid = 12;
    plan.process.is_payload = true;
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    CHECK(find(&v, P_PAYLOAD, NULL) > find(&v, P_SETNS, NULL));
    CHECK(find(&v, P_PAYLOAD, NULL) > find(&v, P_USER, NULL));
    CHECK_INT(find(&v, P_PAYLOAD, NULL), v.n - 4);
    CHECK_INT(v.ops[find_mount(&v, "proc")]->fd, 12); /* or it would be the host's */
    CHECK_INT(v.ops[find_mount(&v, "mqueue")]->fd, -1);
    CHECK(find(&v, P_SETSID, NULL) > find(&v, P_PAYLOAD, NULL));
    program_finish(&p);
}

TEST(plan_users_have_no_capabilities)
{
    struct sandbox_input in = input("{}");
    struct plan_sandbox plan = plan_of(&in);
    struct program p = {0};
    struct view v;
    const struct program_caps *caps;

    plan.process.user.uid = 5;
    plan_sandbox(test_arena, &plan, &p);
    v = look(&p);
    caps = (const void *)v.ops[find(&v, P_CAPS, NULL)]->data;
    CHECK(caps->bounding == caps_default());
    CHECK(caps->permitted == 0 && caps->effective == 0);
    CHECK(caps->inheritable == 0 && caps->ambient == 0);
    program_finish(&p);
}

TEST(exec_plan_enters_and_makes_the_payload)
{
    struct plan_exec plan = {.pidfd = 1};
    struct sandbox_input in = input("{}");
    struct plan_sandbox like = plan_of(&in);
    struct program p = {0};
    struct view v;

    plan.process = like.process;
    plan.process.is_payload = true;
    plan_exec(&plan, &p);
    v = look(&p);
    CHECK_INT(find(&v, P_SETNS, NULL), 0);
    CHECK_INT(find(&v, P_PAYLOAD, NULL), v.n - 4); /* then P_ENV: the helper closes its fds */
    CHECK_INT(find(&v, P_SETSID, NULL), v.n - 2);
    CHECK_INT(find(&v, P_PIVOT, NULL), -1);
    program_finish(&p);
    plan.process.tty = 4;
    plan_exec(&plan, &p);
    v = look(&p);
    CHECK(find(&v, P_PAYLOAD, NULL) < find(&v, P_SETSID, NULL)); /* or the helper's end hangs up */
    CHECK(find(&v, P_SETSID, NULL) < find(&v, P_CTTY, NULL));
    program_finish(&p);
}

TEST(targets_inside_proc_are_refused)
{
    CHECK_OK(plan_check_target("/data"));
    CHECK_OK(plan_check_target("/proc/meminfo"));
    CHECK_OK(plan_check_target("/processes"));
    CHECK_ERR(plan_check_target("/"), ERR_INVALID);
    CHECK_ERR(plan_check_target("/proc"), ERR_INVALID);
    CHECK_ERR(plan_check_target("/proc/sys/kernel"), ERR_INVALID);
}

/* ---- warnings ---- */

static bool warns(const char *h, const char *text)
{
    struct strs out = {0};

    sandbox_warnings(test_arena, host(h), &out);
    for (size_t i = 0; i < out.n; i++)
        if (strstr(out.v[i], text))
            return true;
    return false;
}

TEST(warnings_name_what_does_nothing)
{
    CHECK(warns("{\"NetworkMode\":\"host\",\"PublishAllPorts\":true}", "discarded"));
    CHECK(warns("{\"KernelMemory\":8388608}", "kernel memory limit"));
    CHECK(warns("{\"KernelMemory\":-1}", "kernel memory limit"));
    CHECK(warns("{\"KernelMemoryTCP\":8388608}", "kernel memory limit"));
    CHECK(!warns("{\"KernelMemory\":0,\"KernelMemoryTCP\":0}", "kernel memory"));
}
