/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
#include "test.h"

#include "base/clock.h"

static const char *show(int64_t ns)
{
    static char text[RFC3339_MAX];

    clock_rfc3339(ns, text);
    return text;
}

TEST(clock_prints_as_go)
{
    char fixed[RFC3339_MAX];

    CHECK_STR(show(0), "0001-01-01T00:00:00Z");
    CHECK_STR(show(1), "1970-01-01T00:00:00.000000001Z");
    CHECK_STR(show(1714557600 * NS_PER_S), "2024-05-01T10:00:00Z");
    CHECK_STR(show(1714557600 * NS_PER_S + 120000000), "2024-05-01T10:00:00.12Z");
    CHECK_STR(show(951782400 * NS_PER_S), "2000-02-29T00:00:00Z");
    CHECK_STR(show(-1), "1969-12-31T23:59:59.999999999Z");
    CHECK_STR(show(INT64_MAX), "2262-04-11T23:47:16.854775807Z");
    CHECK_STR(show(INT64_MIN), "1677-09-21T00:12:43.145224192Z");
    clock_rfc3339_fixed(1714557600 * NS_PER_S + 120000000, fixed);
    CHECK_STR(fixed, "2024-05-01T10:00:00.120000000Z");
}

TEST(clock_prints_and_reads_every_day)
{
    for (int64_t day = -106750; day < 106750; day += 7) {
        int64_t ns = (day * 86400 + day % 86400) * NS_PER_S + 5, back = 0;

        CHECK(clock_from_rfc3339(show(ns), &back));
        CHECK_INT(back, ns);
    }
    CHECK_INT(strlen(show(clock_wall_ns()) + 19) <= 11, 1);
    CHECK(clock_boot_ns() > 0);
}

TEST(clock_reads_rfc3339)
{
    static const char *const bad[] = {"",
                                      "2024-05-01",
                                      "2024-05-01T10:00:00",
                                      "2024-13-01T10:00:00Z",
                                      "2023-02-29T10:00:00Z",
                                      "2024-05-01T24:00:00Z",
                                      "2024-05-01T10:00:00.Z",
                                      "2024-05-01T10:00:00Zx",
                                      "2024-05-01T10:00:00+0200",
                                      "9999-12-31T00:00:00Z",
                                      "1600-01-01T00:00:00Z",
                                      "2024-05-01T10:00:00+25:00"};
    int64_t ns = 7;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!clock_from_rfc3339(bad[i], &ns) && ns == 7);
    CHECK(clock_from_rfc3339("0001-01-01T00:00:00Z", &ns) && ns == 0);
    CHECK(clock_from_rfc3339("2024-05-01T12:00:00.5+02:00", &ns));
    CHECK_INT(ns, 1714557600 * NS_PER_S + 500000000);
    CHECK(clock_from_rfc3339("2024-05-01t08:30:00-01:30", &ns));
    CHECK_INT(ns, 1714557600 * NS_PER_S);
    CHECK(clock_from_rfc3339("2024-05-01T10:00:00.1234567899Z", &ns));
    CHECK_INT(ns, 1714557600 * NS_PER_S + 123456789);
}

TEST(clock_reads_unix)
{
    int64_t ns = 7;

    CHECK(clock_from_unix("", &ns) && ns == 0);
    CHECK(clock_from_unix("0", &ns) && ns == 0);
    CHECK(clock_from_unix("1714557600", &ns) && ns == 1714557600 * NS_PER_S);
    CHECK(clock_from_unix("1.5", &ns) && ns == 1500000000);
    CHECK(clock_from_unix("-1.5", &ns) && ns == -1500000000);
    CHECK(clock_from_unix("1.000000001", &ns) && ns == 1000000001);
    ns = 7;
    CHECK(!clock_from_unix("x", &ns) && !clock_from_unix("1x", &ns) && !clock_from_unix("-", &ns));
    CHECK(!clock_from_unix("1.5x", &ns) && !clock_from_unix("99999999999", &ns));
    CHECK(!clock_from_unix("99999999999999999999999", &ns) && ns == 7);
}

TEST(clock_reads_durations)
{
    static const char *const bad[] = {"",     "-",     "1",           "s",
                                      ".s",   "1x",    "1m30",        "1 s",
                                      "--1s", "1s-1s", "9999999999h", "99999999999999999999h"};
    int64_t ns = 7;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!clock_from_duration(bad[i], &ns) && ns == 7);
    CHECK(clock_from_duration("0", &ns) && ns == 0);
    CHECK(clock_from_duration("1m30s", &ns) && ns == 90 * NS_PER_S);
    CHECK(clock_from_duration("100ms", &ns) && ns == 100 * NS_PER_MS);
    CHECK(clock_from_duration("1.5h", &ns) && ns == 5400 * NS_PER_S);
    CHECK(clock_from_duration(".5s", &ns) && ns == 500 * NS_PER_MS);
    CHECK(clock_from_duration("1.s", &ns) && ns == NS_PER_S);
    CHECK(clock_from_duration("-2us", &ns) && ns == -2000);
    CHECK(clock_from_duration("3\xc2\xb5s4ns", &ns) && ns == 3004);
    CHECK(clock_from_duration("9223372036854775807ns", &ns) && ns == INT64_MAX);
}
