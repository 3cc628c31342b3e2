/* SPDX-License-Identifier: Apache-2.0 */
/* links: init base */
/* What the interpreter refuses before it runs anything. */
#include "test.h"

#include "init/init.h"

#include "init.h"

static struct {
    _Alignas(8) char bytes[4096];
    size_t size;
    uint16_t n_ops;
} p;

static struct program_op *add(uint16_t code, const char *data, size_t n)
{
    struct program_op *op = (void *)(p.bytes + p.size);

    *op = (struct program_op){.code = code, .fd = -1};
    op->size = (uint32_t)((sizeof(*op) + n + 7) & ~(size_t)7);
    memset(op->data, 0, op->size - sizeof(*op));
    if (n)
        memcpy(op->data, data, n);
    p.size += op->size;
    p.n_ops++;
    return op;
}

static void begin(void)
{
    p.size = sizeof(struct program_header);
    p.n_ops = 0;
}

static const char *verdict(void)
{
    struct program_header h = {.magic = PROGRAM_MAGIC,
                               .version = PROGRAM_VERSION,
                               .n_ops = p.n_ops,
                               .size = (uint32_t)p.size,
                               .n_fds = 2};
    uint32_t at;
    const char *wrong;

    memcpy(p.bytes, &h, sizeof(h));
    wrong = program_check(p.bytes, p.size, 2, &at);
    return wrong ? wrong : "good";
}

static void end(void)
{
    add(P_EXEC, "sh", 3)->a = 1;
}

TEST(program_that_is_good)
{
    const struct program_caps caps = {0};

    begin();
    add(P_ROOT, NULL, 0)->fd = 0;
    add(P_MOUNT, "proc\0/proc\0k=v\0\0", 16);
    add(P_MASK, "/proc/kcore", 12)->fd = 1;
    add(P_PIVOT, NULL, 0);
    add(P_CAPS, (const char *)&caps, sizeof(caps));
    add(P_USER, NULL, 0);
    add(P_ENV, "A=b\0C=d", 8)->a = 2;
    end();
    CHECK_STR(verdict(), "good");
}

TEST(program_with_bad_header)
{
    struct program_header h = {.magic = PROGRAM_MAGIC, .version = 9, .size = sizeof(h)};
    uint32_t at;

    CHECK_STR(program_check(&h, sizeof(h), 0, &at), "program of another version");
    CHECK_STR(program_check(&h, sizeof(h) - 1, 0, &at), "not a program");
    h.version = PROGRAM_VERSION;
    CHECK_STR(program_check(&h, sizeof(h), 3, &at), "wrong number of descriptors");
    CHECK_STR(program_check(&h, sizeof(h), 0, &at), "program does not end with P_EXEC");
    h.n_ops = 1;
    CHECK_STR(program_check(&h, sizeof(h), 0, &at), "record is cut short");
}

TEST(program_with_bad_sizes)
{
    begin();
    add(P_PIVOT, NULL, 0)->size = 12;
    end();
    CHECK_STR(verdict(), "record is cut short");
    begin();
    add(P_EXEC, "sh", 3)->size = 4000;
    CHECK_STR(verdict(), "record is cut short");
    begin();
    end();
    add(P_UMASK, NULL, 0);
    CHECK_STR(verdict(), "record after P_EXEC");
    begin();
    add(P_UMASK, NULL, 0)->code = P_CODE_END;
    end();
    CHECK_STR(verdict(), "unknown record");
}

TEST(program_with_bad_strings)
{
    begin();
    add(P_HOSTNAME, "12345678", 8);
    end();
    CHECK_STR(verdict(), "text is not terminated");
    begin();
    add(P_ENV, "A=b", 4)->a = 6; /* the padding gives five */
    end();
    CHECK_STR(verdict(), "text is not terminated");
    begin();
    add(P_MOUNT, "proc\0/pr", 8);
    end();
    CHECK_STR(verdict(), "options are not terminated");
    begin();
    add(P_EXEC, "sh", 3);
    CHECK_STR(verdict(), "argv is empty");
}

TEST(program_with_bad_descriptors)
{
    begin();
    add(P_ROOT, NULL, 0);
    end();
    CHECK_STR(verdict(), "descriptor is missing");
    begin();
    add(P_ROOT, NULL, 0)->fd = 2;
    end();
    CHECK_STR(verdict(), "descriptor index out of range");
    begin();
    struct program_op *mask = add(P_MASK, "/proc/x", 8);
    mask->fd = 0;
    mask->b = 2;
    end();
    CHECK_STR(verdict(), "index of the null device out of range");
    begin();
    struct program_op *dup = add(P_DUP, NULL, 0);
    dup->fd = 0;
    dup->a = 3;
    end();
    CHECK_STR(verdict(), "standard descriptor out of range");
}

TEST(program_with_bad_ids)
{
    begin();
    add(P_CAPS, "too short", 10);
    end();
    CHECK_STR(verdict(), "capability sets are cut short");
    begin();
    add(P_USER, NULL, 0)->c = 1;
    end();
    CHECK_STR(verdict(), "groups or ids out of range");
    begin();
    add(P_USER, NULL, 0)->a = UINT32_MAX;
    end();
    CHECK_STR(verdict(), "groups or ids out of range");
}

TEST(program_in_a_bad_order)
{
    const struct program_caps caps = {0};

    begin();
    add(P_PIVOT, NULL, 0);
    end();
    CHECK_STR(verdict(), "no root to pivot into");
    begin();
    add(P_CAPS, (const char *)&caps, sizeof(caps));
    end();
    CHECK_STR(verdict(), "capabilities without a user");
    begin();
    add(P_USER, NULL, 0);
    add(P_CAPS, (const char *)&caps, sizeof(caps));
    end();
    CHECK_STR(verdict(), "capabilities after the user");
    begin();
    add(P_USER, NULL, 0);
    add(P_USER, NULL, 0);
    end();
    CHECK_STR(verdict(), "record occurs twice");
}

TEST(program_with_bad_paths)
{
    static const char *const bad[] = {"", "proc", "/..", "/a/../b", "/a/.."};
    static const char *const good[] = {"/", "/a", "/a..b/..c/d..", "/...", "//a/./b/"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        begin();
        add(P_CWD, bad[i], strlen(bad[i]) + 1);
        end();
        CHECK_STR(verdict(), "path is not absolute or has \"..\"");
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        begin();
        add(P_CWD, good[i], strlen(good[i]) + 1);
        end();
        CHECK_STR(verdict(), "good");
    }
}

TEST(target_knows_system_directories)
{
    CHECK(target_is("/proc", "proc"));
    CHECK(target_is("//proc/./", "proc"));
    CHECK(!target_is("/procx", "proc"));
    CHECK(!target_is("/proc/1", "proc"));
    CHECK(target_is_below("/./proc//1", "proc"));
    CHECK(!target_is_below("/proc/", "proc"));
    CHECK(target_is("/proc/net/dev", "proc/net/dev"));
}

/* The name becomes part of a path below /proc. */
TEST(program_with_a_context)
{
    begin();
    add(P_CONTEXT, "exec\0u:r:t", 11);
    end();
    CHECK_STR(verdict(), "good");
    begin();
    add(P_CONTEXT, "../../x\0u:r:t", 14);
    end();
    CHECK_STR(verdict(), "unknown attribute of a process");
    begin();
    add(P_CONTEXT, "currentx", 8);
    end();
    CHECK_STR(verdict(), "text is not terminated");
}
