/* SPDX-License-Identifier: Apache-2.0 */
/* links: run exec place container image storage base */
#include "test.h"

#include "base/fd.h"
#include "container/doc.h"
#include "runtime/config.h"

#include "mount_spec.h"

static const char *text_of(struct err *e, const struct mount_point *m)
{
    const char *text =
        e ? arena_strdup(test_arena, err_text(e)) : json_encode(test_arena, &mount_point_json, m);

    err_drop(e);
    return text;
}

static const char *bind_of(const char *spec)
{
    struct mount_point m;

    return text_of(mount_from_bind(test_arena, spec, "", &m), &m);
}

static const char *request_of(const char *json)
{
    struct host_config h = {0};
    char *text = arena_printf(test_arena, "{\"Mounts\":[%s]}", json);
    struct mount_point m;

    CHECK_OK(json_decode(test_arena, text, strlen(text), &host_config_json, &h));
    return text_of(mount_from_request(test_arena, h.mounts.v, &m), &m);
}

/* Whatever row the table has: what was set comes through, as a copy. */
TEST(a_copy_of_a_mount_has_every_member)
{
    struct mount_point m = {0}, copy;

    for (const struct jfield *f = mount_point_json.fields; f->key; f++) {
        char *at = (char *)&m + f->offset;

        CHECK(f->type == J_STR || f->type == J_BOOL || f->type == J_PAIRS || f->type == J_I64);
        if (f->type == J_STR)
            *(char **)at = arena_printf(test_arena, "text of %s", f->key);
        else if (f->type == J_PAIRS)
            pairs_set(test_arena, (struct pairs *)at, "key", f->key);
        else if (f->type == J_I64)
            *(int64_t *)at = 7;
        else
            *(bool *)at = true;
    }
    mount_point_copy(test_arena, &m, &copy);
    CHECK_STR(json_encode(test_arena, &mount_point_json, &copy),
              json_encode(test_arena, &mount_point_json, &m));
    CHECK(copy.destination != m.destination);
}

TEST(every_member_of_a_mount_point_has_a_row)
{
    size_t bytes = 0;

    for (const struct jfield *f = mount_point_json.fields; f->key; f++)
        bytes += f->type == J_STR     ? sizeof(char *)
                 : f->type == J_PAIRS ? sizeof(struct pairs)
                 : f->type == J_I64   ? sizeof(int64_t)
                                      : sizeof(bool);
    CHECK_INT(bytes + _Alignof(char *) - 1 - (bytes + _Alignof(char *) - 1) % _Alignof(char *),
              sizeof(struct mount_point));
}

TEST(modes_of_a_bind)
{
    static const char *const bad[] = {
        "ro,rw", "shared,slave", "ro,ro", "z,Z",          "readonly", ",", "cached,delegated",
        "RO",    " ro",          "ro ",   "nocopy,nocopy"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(text_starts(bind_of(arena_printf(test_arena, "/a:/b:%s", bad[i])), "invalid mode: "));
    CHECK_STR(bind_of("/a/../c:/b/:ro,cached,rslave,z"),
              "{\"Type\":\"bind\",\"Source\":\"/c\",\"Destination\":\"/b\","
              "\"Mode\":\"ro,cached,rslave,z\",\"Propagation\":\"rslave\",\"RW\":false,"
              "\"CreateSource\":true}");
    CHECK_STR(bind_of("vol:/b:nocopy"),
              "{\"Type\":\"volume\",\"Name\":\"vol\",\"Source\":\"\",\"Destination\":\"/b\","
              "\"Driver\":\"local\",\"Mode\":\"nocopy\",\"Propagation\":\"\",\"RW\":true,"
              "\"NoCopy\":true}");
}

TEST(parts_of_a_bind)
{
    static const char *const bad[] = {"", ":", ":/b", "/a:/b:ro:x", "/b:ro", "::", ":/b:ro"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(text_starts(bind_of(bad[i]), "invalid volume specification: "));
    CHECK_STR(bind_of("b"), "invalid mount path: 'b' mount path must be absolute");
    CHECK_STR(bind_of("/a:/b/.."), "invalid specification: destination can't be '/'");
    CHECK_STR(bind_of("/b"),
              "{\"Type\":\"volume\",\"Source\":\"\",\"Destination\":\"/b\",\"Driver\":\"local\","
              "\"Mode\":\"z\",\"Propagation\":\"\",\"RW\":true,\"Anonymous\":true}");
}

TEST(a_subpath_stays_in_its_volume)
{
    static const char *const bad[] = {"/etc", "..", "../x", "a/../..", "a/../../b", "./.."};
    static const char *const good[] = {"a", "a/b", ".", "a/..", "a/../b", "..a", "./a//b", "a/..b"};
    const char *form = "{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/t\","
                       "\"VolumeOptions\":{\"Subpath\":\"%s\"}}";

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_STR(request_of(arena_printf(test_arena, form, bad[i])),
                  "invalid mount config for type \"volume\": subpath must be a relative path "
                  "within the volume");
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK(strstr(request_of(arena_printf(test_arena, form, good[i])), "\"Subpath\":"));
}

TEST(what_a_volume_is_made_with)
{
    CHECK_STR(
        request_of("{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/t\",\"ReadOnly\":true,"
                   "\"VolumeOptions\":{\"NoCopy\":true,\"Labels\":{\"a\":\"b\"},"
                   "\"DriverConfig\":{\"Name\":\"d\",\"Options\":{\"o\":\"x\"}}}}"),
        "{\"Type\":\"volume\",\"Name\":\"v\",\"Source\":\"\",\"Destination\":\"/t\","
        "\"Driver\":\"d\",\"Mode\":\"z\",\"Propagation\":\"\","
        "\"VolumeOptions\":{\"o\":\"x\"},\"VolumeLabels\":{\"a\":\"b\"},\"RW\":false,"
        "\"NoCopy\":true}");
}
