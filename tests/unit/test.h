/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unit test harness. Each TEST runs in a process of its own with a deadline of 10 s; the
 * first CHECK that fails ends it. A test file is one program:
 *
 *     // links: base core     in a comment among the first lines: the folders it tests
 *     #include "test.h"
 *     TEST(ref_parses_tag) { CHECK_STR(…, "v1"); }
 *
 * Run `bin/test_ref tag` for the tests whose name contains "tag", `bin/test_ref -d NAME` to run
 * one test without a fork, for a debugger. Arguments of CHECK_… are evaluated once.
 */
#pragma once

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};

extern struct arena *test_arena; /* fresh for each test */

void test_register(struct test *t);
_Noreturn void test_fail(const char *file, int line, const char *fmt, ...) like_printf(3, 4);
void test_check_ok(const char *file, int line, const char *what, struct err *e);
void test_check_err(const char *file, int line, const char *what, struct err *e,
                    enum err_kind kind);
void test_check_str(const char *file, int line, const char *what, const char *is,
                    const char *wanted);
void test_check_int(const char *file, int line, const char *what, int64_t is, int64_t wanted);
/* A new directory that is removed when the test ends, however it ends. */
const char *test_dir(void);

#define TEST(id)                                                                                   \
    static void test_run_##id(void);                                                               \
    static struct test test_entry_##id = {.name = #id, .run = test_run_##id};                      \
    __attribute__((constructor)) static void test_register_##id(void)                              \
    {                                                                                              \
        test_register(&test_entry_##id);                                                           \
    }                                                                                              \
    static void test_run_##id(void)

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x))                                                                                  \
            test_fail(__FILE__, __LINE__, "%s", #x);                                               \
    } while (0)
#define CHECK_OK(e) test_check_ok(__FILE__, __LINE__, #e, (e))
#define CHECK_ERR(e, kind) test_check_err(__FILE__, __LINE__, #e, (e), (kind))
#define CHECK_STR(is, wanted) test_check_str(__FILE__, __LINE__, #is, (is), (wanted))
#define CHECK_INT(is, wanted)                                                                      \
    test_check_int(__FILE__, __LINE__, #is, (int64_t)(is), (int64_t)(wanted))
