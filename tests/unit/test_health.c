/* SPDX-License-Identifier: Apache-2.0 */
/* links: exec */
/* The rules of health checks: defaults, commands, verdicts, times. */
#include "health_rules.h"

#include "base/clock.h"
#include "test.h"

static void judge(struct health *h, const struct health_rules *r, int64_t at_s, int code)
{
    struct health_result result = {.start_ns = 1,
                                   .end_ns = 2,
                                   .exit_code = code,
                                   .output = "x"}; /* wall clock: not looked at */

    health_judge(h, r, &result, at_s * NS_PER_S);
}

static void finish(struct health *h)
{
    for (size_t i = 0; i < h->state.log.n; i++)
        free(h->log[i].output);
}

TEST(defaults_are_dockers)
{
    struct health_config c = {0};
    struct health_rules r = health_rules_of(&c);

    CHECK_INT(r.interval_ns, 30 * NS_PER_S);
    CHECK_INT(r.timeout_ns, 30 * NS_PER_S);
    CHECK_INT(r.start_period_ns, 0);
    CHECK_INT(r.start_interval_ns, 5 * NS_PER_S);
    CHECK_INT(r.retries, 3);
}

static bool command(const char *words, const char *shell, char **out)
{
    struct health_config h = {.test = text_split(test_arena, words, ' ')};
    struct config c = {.healthcheck = &h, .shell = text_split(test_arena, shell, ' ')};
    struct strs cmd = {0};

    if (!health_command(test_arena, &c, &cmd))
        return false;
    *out = strs_join(test_arena, &cmd, "|");
    return true;
}

TEST(command_by_kind)
{
    char *text = NULL;

    CHECK(command("CMD ls -l", "", &text));
    CHECK_STR(text, "ls|-l");
    CHECK(command("CMD-SHELL true", "", &text));
    CHECK_STR(text, "/bin/sh|-c|true");
    CHECK(command("CMD-SHELL true", "/bin/ash -ec", &text));
    CHECK_STR(text, "/bin/ash|-ec|true");
    CHECK(!command("NONE", "", &text));
    CHECK(!command("CMD", "", &text));
    CHECK(!command("", "", &text));
    CHECK(!command("WHAT ls", "", &text));
}

TEST(three_failures_in_a_row_are_unhealthy)
{
    struct health_rules r = health_rules_of(&(struct health_config){0});
    struct health h = {.state.status = HEALTH_STARTING};

    judge(&h, &r, 1, 1);
    judge(&h, &r, 2, 1);
    CHECK_INT(h.state.status, HEALTH_STARTING);
    judge(&h, &r, 3, 0);
    CHECK_INT(h.state.status, HEALTH_HEALTHY);
    CHECK_INT(h.state.failing_streak, 0);
    judge(&h, &r, 4, 1);
    judge(&h, &r, 5, -1);
    CHECK_INT(h.state.status, HEALTH_HEALTHY);
    judge(&h, &r, 6, 2);
    CHECK_INT(h.state.status, HEALTH_UNHEALTHY);
    CHECK_INT(h.state.failing_streak, 3);
    finish(&h);
}

TEST(start_period_forgives_until_the_first_success)
{
    struct health_rules r =
        health_rules_of(&(struct health_config){.start_period_ns = 60 * NS_PER_S, .retries = 1});
    struct health h = {.state.status = HEALTH_STARTING};

    judge(&h, &r, 59, 1);
    CHECK_INT(h.state.status, HEALTH_STARTING);
    CHECK_INT(h.state.failing_streak, 0);
    CHECK_INT(health_pause_ns(&h, &r, 59 * NS_PER_S), 5 * NS_PER_S);
    CHECK_INT(health_pause_ns(&h, &r, 61 * NS_PER_S), 30 * NS_PER_S);
    judge(&h, &r, 20, 0);
    CHECK_INT(health_pause_ns(&h, &r, 21 * NS_PER_S), 30 * NS_PER_S);
    judge(&h, &r, 21, 1);
    CHECK_INT(h.state.status, HEALTH_UNHEALTHY);
    finish(&h);
}

TEST(log_keeps_the_last_five)
{
    struct health_rules r = health_rules_of(&(struct health_config){0});
    struct health h = {0};

    for (int i = 0; i < 12; i++)
        judge(&h, &r, i, i);
    CHECK_INT((int)h.state.log.n, 5);
    CHECK_INT(h.log[0].exit_code, 7);
    CHECK_INT(h.log[4].exit_code, 11);
    finish(&h);
}

TEST(phases_are_spread)
{
    int n[4] = {0};
    char id[16];

    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof(id), "%d", i);
        n[health_phase_ns(id, 4000) / 1000]++;
    }
    for (int i = 0; i < 4; i++)
        CHECK(n[i] > 180 && n[i] < 320);
    CHECK_INT(health_phase_ns("x", 0), 0);
}
