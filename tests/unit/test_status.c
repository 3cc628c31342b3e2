/* SPDX-License-Identifier: Apache-2.0 */
/* links: api */
/* Kinds of errors to status codes; which events a filter lets through. */
#include "status.h"

#include "event_filter.h"
#include "test.h"

TEST(status_of_every_kind_has_a_reason)
{
    for (int kind = ERR_INTERNAL; kind <= ERR_TIMEOUT; kind++) {
        CHECK(status_of((enum err_kind)kind) >= 300);
        CHECK(strcmp(status_reason(status_of((enum err_kind)kind)), "Unknown") != 0);
    }
    CHECK_INT(status_of(ERR_INVALID), 400);
    CHECK_INT(status_of(ERR_NOT_MODIFIED), 304);
    CHECK_INT(status_of(ERR_CANCELLED), 409);
    CHECK_STR(status_reason(101), "UPGRADED");
}

static bool passes(const char *filters)
{
    struct event e = {.type = "container", .action = "exec_create: ls", .id = "abcdef"};
    struct filters f;

    pairs_set(test_arena, &e.attrs, "name", "web");
    pairs_set(test_arena, &e.attrs, "image", "localhost:5000/busybox:latest");
    pairs_set(test_arena, &e.attrs, "tier", "front");
    CHECK_OK(event_filters_parse(test_arena, filters, &f));
    return event_matches(&e, &f);
}

TEST(event_filters_name_objects_actions_and_labels)
{
    static const char *const yes[] = {"",
                                      "{\"container\":[\"web\"]}",
                                      "{\"container\":[\"we\"]}",
                                      "{\"container\":[\"\"]}",
                                      "{\"network\":[\"\"]}",
                                      "{\"container\":[\"abc\",\"zzz\"]}",
                                      "{\"event\":[\"exec_create\"]}",
                                      "{\"event\":[\"exec_create: ls\"]}",
                                      "{\"image\":[\"localhost:5000/busybox\"]}",
                                      "{\"image\":[\"localhost:5000/busybox:latest\"]}",
                                      "{\"label\":[\"tier=front\"]}",
                                      "{\"type\":{\"container\":true},\"scope\":[\"local\"]}"};
    static const char *const no[] = {"{\"container\":[\"eb\"]}",    "{\"event\":[\"exec\"]}",
                                     "{\"image\":[\"busybox\"]}",   "{\"network\":[\"web\"]}",
                                     "{\"label\":[\"tier=back\"]}", "{\"type\":[\"image\"]}"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        CHECK(passes(yes[i]));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        CHECK(!passes(no[i]));
}

TEST(event_json_has_the_legacy_fields_before_152)
{
    struct event e = {
        .type = "container", .action = "start", .id = "abc", .wall_ns = 1500000000, .seq = 7};
    autobuf struct buf old = {0}, new = {0};
    struct jw old_w = {.out = &old}, new_w = {.out = &new};

    event_write(&e, &old_w, 151);
    CHECK_STR(old.data, "{\"status\":\"start\",\"id\":\"abc\",\"from\":\"\",\"Type\":\"container\","
                        "\"Action\":\"start\",\"Actor\":{\"ID\":\"abc\",\"Attributes\":{}},"
                        "\"scope\":\"local\",\"time\":1,\"timeNano\":1500000000,\"seq\":7}");
    event_write(&e, &new_w, 152);
    CHECK(!strstr(new.data, "status"));
}
