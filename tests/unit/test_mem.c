/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
#include "test.h"

#include <sys/wait.h>

TEST(arena_gives_zeroed_aligned_memory)
{
    size_t total = 0;

    for (size_t n = 0; n < 9000; n = n * 3 / 2 + 1) {
        char *p = arena_alloc(test_arena, n);

        CHECK(p && (uintptr_t)p % 16 == 0);
        for (size_t i = 0; i < n; i++)
            CHECK(!p[i]);
        if (n)
            memset(p, 0xff, n);
        total += n;
    }
    CHECK(arena_size(test_arena) >= total);
    CHECK(arena_alloc(test_arena, 0) != arena_alloc(test_arena, 0));
}

TEST(arena_grows_an_array_and_keeps_its_items)
{
    autoarena struct arena *a = arena_create();
    size_t room = 0;
    int *v = NULL;

    for (int i = 0; i < 1000; i++) {
        v = arena_grow(a, v, (size_t)i, &room, sizeof(*v));
        v[i] = i;
    }
    CHECK(room >= 1000);
    for (int i = 0; i < 1000; i++)
        CHECK_INT(v[i], i);
}

TEST(arena_copies_and_prints)
{
    autofree char *big = mem_alloc(5001);

    memset(big, 'b', 5000);
    CHECK_STR(arena_strdup(test_arena, "abc"), "abc");
    CHECK(!arena_strdup(test_arena, NULL));
    CHECK_STR(arena_strndup(test_arena, "abc", 2), "ab");
    CHECK_STR(arena_strndup(test_arena, "a", 20), "a");
    CHECK_STR(arena_printf(test_arena, "%s-%d", "x", 5), "x-5");
    CHECK_INT(strlen(arena_printf(test_arena, "%s", big)), 5000);
    CHECK(!memcmp(arena_memdup(test_arena, "a\0b", 3), "a\0b", 3));
}

TEST(mem_resize_zeroes_growth)
{
    char *p = mem_alloc(4);

    memset(p, 'x', 4);
    p = mem_resize(p, 4, 400);
    CHECK(p[3] == 'x' && !p[4] && !p[399]);
    p = mem_resize(p, 400, 2);
    free(p);
    p = mem_resize(NULL, 0, 8);
    CHECK(!p[7]);
    free(p);
}

TEST(mem_copies_text)
{
    autofree char *copy = mem_strdup("abc"), *text = mem_printf("%d%s", 1, "x");
    char *moved = steal_ptr(&copy);

    CHECK_STR(moved, "abc");
    CHECK(!copy && !mem_strdup(NULL));
    CHECK_STR(text, "1x");
    free(moved);
}

static int signal_of(void (*act)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        close(STDERR_FILENO);
        act();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void overflow_array(void)
{
    volatile size_t n = SIZE_MAX / 2;

    arena_array(test_arena, n, 4);
}

static void fail_assert(void)
{
    volatile int one = 1;

    ASSERT(one == 2);
}

TEST(mem_aborts_on_overflow_and_bugs)
{
    CHECK_INT(signal_of(overflow_array), 6);
    CHECK_INT(signal_of(fail_assert), 6);
}
