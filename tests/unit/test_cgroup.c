/* SPDX-License-Identifier: Apache-2.0 */
/* links: cgroup core base */
#include "cgroup_tree.h"
#include "delegation.h"
#include "device_policy.h"
#include "hugetlb.h"
#include "place.h"
#include "slice.h"
#include "weights.h"

#include "test.h"

static const struct cgroup_features v1 = {.has = ~(1u << FEAT_COST_WEIGHT)},
                                    v2 = {.is_v2 = true,
                                          .has = ~(1u << FEAT_WEIGHT | 1u << FEAT_WEIGHT_DEVICE)};

/* "file=value;…" of the plan. */
static const char *plan_text(const struct cgroup_features *c, const struct cgroup_limits *l)
{
    struct knobs p = knobs_plan(test_arena, c, l);
    autobuf struct buf b = {0};

    for (size_t i = 0; i < p.n; i++)
        buf_printf(&b, "%s=%s;", p.v[i].file, p.v[i].value);
    return arena_strndup(test_arena, b.data ? b.data : "", b.len);
}

TEST(plan_writes_nothing_for_no_limits)
{
    struct cgroup_limits none = {.swappiness = -1};

    CHECK_STR(plan_text(&v1, &none), "");
    CHECK_STR(plan_text(&v2, &none), "");
}

TEST(plan_memory_and_swap)
{
    struct cgroup_limits l = {.memory = 1 << 20, .memory_swap = 3 << 20, .swappiness = 0};

    CHECK_STR(plan_text(&v1, &l),
              "memory.limit_in_bytes=1048576;memory.memsw.limit_in_bytes=3145728;"
              "memory.swappiness=0;");
    CHECK_STR(plan_text(&v2, &l), "memory.max=1048576;memory.swap.max=2097152;");
    l.memory_swap = -1;
    l.swappiness = -1;
    CHECK_STR(plan_text(&v2, &l), "memory.max=1048576;memory.swap.max=max;");
}

TEST(plan_cpu)
{
    struct cgroup_limits l = {.cpu_shares = 1024, .nano_cpus = 1500000000, .swappiness = -1};

    CHECK_STR(plan_text(&v1, &l),
              "cpu.shares=1024;cpu.cfs_period_us=100000;cpu.cfs_quota_us=150000;");
    CHECK_STR(plan_text(&v2, &l), "cpu.weight=39;cpu.max=150000 100000;");
    l = (struct cgroup_limits){.cpu_shares = 262144, .cpu_quota = -1, .swappiness = -1};
    CHECK_STR(plan_text(&v2, &l), "cpu.weight=10000;cpu.max=max 100000;");
    l = (struct cgroup_limits){.cpuset_cpus = "0-1", .pids = 5, .swappiness = -1};
    CHECK_STR(plan_text(&v1, &l), "cpuset.cpus=0-1;pids.max=5;");
    CHECK_STR(plan_text(&v2, &l), "cpuset.cpus=0-1;pids.max=5;");
}

TEST(plan_io)
{
    struct cgroup_device_value v = {.major = 8, .minor = 16, .value = 300, .by = WEIGHER_BFQ};
    struct cgroup_limits l = {.blkio_weight = 500,
                              .weight_devices = &v,
                              .n_weight_devices = 1,
                              .write_bps = &v,
                              .n_write_bps = 1,
                              .swappiness = -1};
    const struct cgroup_features bfq1 = {.has =
                                             1u << FEAT_BFQ_WEIGHT | 1u << FEAT_BFQ_WEIGHT_DEVICE},
                                 cost = {.is_v2 = true, .has = 1u << FEAT_COST_WEIGHT};

    CHECK_STR(plan_text(&v1, &l),
              "blkio.weight=500;blkio.bfq.weight=500;blkio.bfq.weight_device=8:16 300;"
              "blkio.throttle.write_bps_device=8:16 300;");
    CHECK_STR(plan_text(&bfq1, &l), "blkio.bfq.weight=500;blkio.bfq.weight_device=8:16 300;");
    CHECK_STR(plan_text(&v2, &l), "io.bfq.weight=500;io.weight=4950;io.bfq.weight=8:16 300;"
                                  "io.max=8:16 wbps=300;");
    v.by = WEIGHER_COST;
    CHECK_STR(plan_text(&cost, &l), "io.weight=4950;io.weight=8:16 2930;");
    CHECK_STR(plan_text(&bfq1, &l), "blkio.bfq.weight=500;"); /* nobody honours the disk's */
    v.by = WEIGHER_CFQ;
    v.value = 0;
    l.blkio_weight = 0;
    CHECK_STR(plan_text(&v1, &l), "blkio.weight_device=8:16 default;"
                                  "blkio.throttle.write_bps_device=8:16 0;");
}

TEST(plan_hugetlb)
{
    struct cgroup_hugetlb h[] = {{2 << 20, 64 << 20}, {1 << 30, 0}, {64 << 10, 64 << 10}};
    struct cgroup_limits l = {.hugetlbs = h, .n_hugetlbs = 3, .swappiness = -1};
    struct cgroup_features none = {0};

    CHECK_STR(plan_text(&v1, &l),
              "hugetlb.2MB.rsvd.limit_in_bytes=67108864;hugetlb.2MB.limit_in_bytes=67108864;"
              "hugetlb.1GB.rsvd.limit_in_bytes=0;hugetlb.1GB.limit_in_bytes=0;"
              "hugetlb.64KB.rsvd.limit_in_bytes=65536;hugetlb.64KB.limit_in_bytes=65536;");
    l.n_hugetlbs = 1;
    CHECK_STR(plan_text(&v2, &l), "hugetlb.2MB.rsvd.max=67108864;hugetlb.2MB.max=67108864;");
    CHECK_STR(plan_text(&none, &l), "");
    CHECK_INT(hugetlb_default_of("HugePages_Total: 0\nHugepagesize:       2048 kB\n"), 2 << 20);
    CHECK_INT(hugetlb_default_of("MemTotal: 1 kB\n"), 0);
}

TEST(plan_realtime)
{
    struct cgroup_limits l = {.cpu_rt_period = 500000, .cpu_rt_runtime = 20000, .swappiness = -1};

    CHECK_STR(plan_text(&v1, &l), "cpu.rt_period_us=500000;cpu.rt_runtime_us=20000;");
    CHECK_STR(plan_text(&v2, &l), "");
}

TEST(scheduler_is_the_chosen_one)
{
    CHECK_STR(scheduler_chosen(test_arena, "none [mq-deadline] kyber bfq\n"), "mq-deadline");
    CHECK_STR(scheduler_chosen(test_arena, "noop deadline [cfq]\n"), "cfq");
    CHECK_STR(scheduler_chosen(test_arena, "none\n"), "none");
    CHECK_STR(scheduler_chosen(test_arena, "[bfq"), "bfq");
    CHECK_STR(scheduler_chosen(test_arena, ""), "");
}

TEST(cost_is_on_for_the_disk_that_says_so)
{
    const char *qos = "8:0 enable=1 ctrl=auto rpct=0.00\n8:16 enable=0 ctrl=auto\n8:32 enable=1\n";

    CHECK(cost_is_on(test_arena, qos, 8, 0));
    CHECK(!cost_is_on(test_arena, qos, 8, 16));
    CHECK(cost_is_on(test_arena, qos, 8, 32));
    CHECK(!cost_is_on(test_arena, qos, 8, 3));
    CHECK(!cost_is_on(test_arena, "8:0 enable=11\n", 8, 0));
    CHECK(!cost_is_on(test_arena, "", 8, 0));
}

TEST(plan_leaves_out_what_the_kernel_lacks)
{
    struct cgroup_limits l = {
        .memory = 1 << 20, .memory_swap = 2 << 20, .swappiness = 5, .blkio_weight = 10, .pids = 3};
    struct cgroup_features none = {0}, no_swap = {.has = 1u << FEAT_MEMORY};

    CHECK_STR(plan_text(&none, &l), "");
    CHECK_STR(plan_text(&no_swap, &l), "memory.limit_in_bytes=1048576;");
}

TEST(plan_devices_v1)
{
    struct cgroup_device d[] = {{'c', 1, 3, "rwm", true}, {'c', 136, -1, "rw", true}};
    struct cgroup_device open[] = {{.type = 'a', .major = -1, .minor = -1, .allow = true}};
    struct cgroup_limits l = {.devices = d, .n_devices = 2, .swappiness = -1};

    CHECK_STR(plan_text(&v1, &l),
              "devices.deny=a;devices.allow=c 1:3 rwm;devices.allow=c 136:* rw;");
    l.devices = open;
    l.n_devices = 1;
    CHECK_STR(plan_text(&v1, &l), ""); /* a fresh cgroup allows all */
}

/* ---- check ---- */

static struct cgroup_tree tree_with(uint32_t has)
{
    return (struct cgroup_tree){
        .features = {.has = has}, .cpus = (char *)"0-1", .mems = (char *)"0"};
}

TEST(check_warns_in_dockers_words)
{
    struct cgroup_tree t = tree_with(1u << FEAT_MEMORY);
    struct cgroup_limits l = {
        .memory = 1, .memory_swap = 2, .pids = 3, .swappiness = -1, .blkio_weight = 500};
    struct strs w = {0};

    CHECK_OK(cgroup_check(&t, test_arena, &l, &w));
    CHECK_INT(w.n, 3);
    CHECK(text_starts(w.v[1], "Your kernel does not support swap limit capabilities"));
    CHECK(text_starts(w.v[2], "Your kernel does not support PIDs limit capabilities"));
    CHECK(text_starts(w.v[0], "Your kernel does not support Block I/O weight or the cgroup is not "
                              "mounted. Weight discarded. Reason: "));
}

TEST(check_refuses_what_would_betray)
{
    struct cgroup_tree t = tree_with(1u << FEAT_WEIGHT_DEVICE | 1u << FEAT_CPUSET);
    struct strs w = {0};

    CHECK_ERR(cgroup_check(&t, test_arena,
                           &(struct cgroup_limits){.blkio_weight = 10, .swappiness = -1}, &w),
              ERR_INVALID);
    CHECK_ERR(
        cgroup_check(&t, test_arena, &(struct cgroup_limits){.nano_cpus = 1, .swappiness = -1}, &w),
        ERR_INVALID);
    static const char *const bad[] = {"2", "0-2", "x", "1-0", "0,,1", "99999", "-1", "0-"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(cgroup_check(&t, test_arena,
                               &(struct cgroup_limits){.cpuset_cpus = bad[i], .swappiness = -1},
                               &w),
                  ERR_INVALID);
    CHECK_OK(cgroup_check(&t, test_arena,
                          &(struct cgroup_limits){.cpuset_cpus = "0,1", .swappiness = -1}, &w));
}

/* ---- places ---- */

TEST(place_of_a_container)
{
    struct cgroup_tree t = {.own = (char *)"berth", .features = {.is_v2 = true}};
    static const char *const cases[][2] = {
        {NULL, "berth/id"},
        {"", "berth/id"},
        {"/", "id"},
        {"/a", "a/id"},
        {"/a//b/", "a/b/id"},
        {"a/b", "berth/a/b/id"},
        {"a.slice", "a.slice/berth-a.service/id"},
        {"a-b.slice", "a.slice/a-b.slice/berth-a-b.service/id"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_STR(cgroup_place(&t, test_arena, cases[i][0], "id"), cases[i][1]);
    CHECK_STR(slice_of_place(&t, test_arena, "a.slice/a-b.slice/berth-a-b.service/id"),
              "a-b.slice");
    CHECK(!slice_of_place(&t, test_arena, "a.slice/berth-b.service/id"));
    CHECK(!slice_of_place(&t, test_arena, "berth/id"));
}

TEST(place_is_below_what_is_ours)
{
    static const char *const bad[] = {"", "/a", "..", "a/..", "a/./b", "a//b", "a/", ".hidden"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(cgroup_place_check(bad[i]), ERR_INVALID);
    CHECK_OK(cgroup_place_check("berth/x..y/z.service"));
}

TEST(slice_names)
{
    struct cgroup_tree t = {.own = (char *)"berth"};
    static const char *const bad[] = {".slice",     "-.slice",   "a--b.slice", "-a.slice",
                                      "a-.slice",   "/a.slice",  "a/b.slice",  "..slice",
                                      "a\nb.slice", "a b.slice", "a*.slice"};

    CHECK(slice_is("a.slice") && !slice_is("a.slices") && !slice_is(NULL));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err *e = slice_check(&t, bad[i]);

        CHECK(e && strstr(err_text(e), "a slice is a name without a path"));
        err_drop(e);
    }
}

TEST(delegation_reads_own_cgroup)
{
    static const char text[] =
        "4:cpu,cpuacct:/a/b\n3:memory:/m:x\n1:name=systemd:/s\n0::/u\n\njunk\n";

    CHECK_STR(delegation_own_path(test_arena, text, "cpuacct"), "/a/b");
    CHECK_STR(delegation_own_path(test_arena, text, "memory"), "/m:x");
    CHECK_STR(delegation_own_path(test_arena, text, "name=systemd"), "/s");
    CHECK_STR(delegation_own_path(test_arena, text, ""), "/u");
    CHECK(!delegation_own_path(test_arena, text, "pids"));
    CHECK(!delegation_own_path(test_arena, "", ""));
}

/* ---- mounts ---- */

TEST(mounts_choose_v1_on_hybrid_hosts_and_each_hierarchy_once)
{
    struct cgroup_mount m[MAX_HIERARCHIES];
    const char *text =
        "1 2 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "3 2 0:31 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct\n"
        "4 2 0:31 / /mnt/again rw - cgroup cgroup rw,cpu,cpuacct\n"
        "5 2 0:32 / /sys/fs/cgroup/systemd rw - cgroup systemd rw,name=systemd\n"
        "6 2 0:33 / /a\\040b rw - cgroup none rw,memory\n"
        "7 2 0:34 / /proc rw - proc proc rw\n";

    CHECK_INT(cgroup_mounts_choose(test_arena, text, m, MAX_HIERARCHIES), 3);
    CHECK_STR(m[0].path, "/sys/fs/cgroup/cpu,cpuacct");
    CHECK_INT(m[0].controllers, 1u << CTL_CPU | 1u << CTL_CPUACCT);
    CHECK_INT(m[1].controllers, 0);
    CHECK_STR(m[0].name, "cpu");
    CHECK_STR(m[1].name, "name=systemd");
    CHECK_STR(m[2].path, "/a b");
    CHECK(!m[0].is_v2);
}

TEST(mounts_choose_v2_alone)
{
    struct cgroup_mount m[MAX_HIERARCHIES];

    CHECK_INT(cgroup_mounts_choose(
                  test_arena, "1 2 0:30 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n", m, 16),
              1);
    CHECK(m[0].is_v2);
    CHECK_INT(cgroup_mounts_choose(test_arena, "junk\n1 2 3\n\n- - -\n", m, 16), 0);
}

/* ---- the device program, run by a small interpreter ---- */

static int run_program(const struct device_program *p, char type, int access, int major, int minor)
{
    uint32_t ctx[3] = {(uint32_t)access << 16 |
                           (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
                       (uint32_t)major, (uint32_t)minor};
    uint32_t r[11] = {0};

    for (size_t pc = 0; pc < p->n; pc++) {
        struct bpf_insn i = p->insns[pc];
        uint32_t operand = BPF_SRC(i.code) == BPF_X ? r[i.src_reg] : (uint32_t)i.imm;

        if (BPF_CLASS(i.code) == BPF_LDX) {
            r[i.dst_reg] = ctx[i.off / 4];
        } else if (BPF_CLASS(i.code) == BPF_ALU) {
            uint32_t *d = &r[i.dst_reg];
            *d = BPF_OP(i.code) == BPF_MOV   ? operand
                 : BPF_OP(i.code) == BPF_AND ? *d & operand
                                             : *d >> operand;
        } else if (BPF_OP(i.code) == BPF_EXIT) {
            return (int)r[0];
        } else {
            bool equal = r[i.dst_reg] == operand;
            if (equal == (BPF_OP(i.code) == BPF_JEQ))
                pc += (size_t)i.off;
        }
    }
    CHECK(!"the program ends");
    return -1;
}

enum { M = BPF_DEVCG_ACC_MKNOD, R = BPF_DEVCG_ACC_READ, W = BPF_DEVCG_ACC_WRITE };

TEST(device_program_last_match_wins)
{
    struct cgroup_device d[] = {{'c', 1, 3, "rwm", true},
                                {'c', 136, -1, "rw", true},
                                {'b', -1, -1, "m", true},
                                {'c', 10, 229, "rwm", true},
                                {'c', 10, 229, "w", false}};
    struct device_program p;

    device_program_build(d, 5, &p);
    CHECK_INT(run_program(&p, 'c', R | W | M, 1, 3), 1);
    CHECK_INT(run_program(&p, 'b', R, 1, 3), 0);
    CHECK_INT(run_program(&p, 'c', R, 1, 4), 0);
    CHECK_INT(run_program(&p, 'c', R | W, 136, 77), 1);
    CHECK_INT(run_program(&p, 'c', R | M, 136, 77), 0);
    CHECK_INT(run_program(&p, 'b', M, 8, 0), 1);
    CHECK_INT(run_program(&p, 'b', R, 8, 0), 0);
    CHECK_INT(run_program(&p, 'c', R, 10, 229), 1);
    CHECK_INT(run_program(&p, 'c', R | W, 10, 229), 0);
}

TEST(device_program_all_rules_end_it)
{
    struct cgroup_device d[] = {
        {'c', 1, 3, "rwm", true}, {.type = 'a', .allow = true}, {'c', 1, 11, "rwm", false}};
    struct device_program p;

    device_program_build(d, 3, &p);
    CHECK_INT(run_program(&p, 'b', R | W, 8, 1), 1);
    CHECK_INT(run_program(&p, 'c', R, 1, 11), 0);
    device_program_build(NULL, 0, &p);
    CHECK_INT(run_program(&p, 'c', R, 1, 3), 0);
}

TEST(pressure_is_read)
{
    struct cgroup_pressure p =
        pressure_read("some avg10=1.25 avg60=0.50 avg300=0.01 total=1234567\n"
                      "full avg10=0.75 avg60=0.00 avg300=0.00 total=12\n");

    CHECK(p.is_known && p.some.avg10 == 1.25 && p.some.avg60 == 0.5 && p.some.avg300 == 0.01);
    CHECK_INT(p.some.total_ns, 1234567000);
    CHECK_INT(p.full.total_ns, 12000);
    CHECK(p.full.avg10 == 0.75);
    p = pressure_read("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"); /* before Linux 5.13 */
    CHECK_INT(p.some.total_ns, 7000);
    CHECK_INT(p.full.total_ns, 0);
    p = pressure_read("some avg10=\nfull total=9\n"); /* a line is its own */
    CHECK_INT(p.some.total_ns, 0);
    CHECK_INT(p.full.total_ns, 9000);
}
