/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests, indexes, config blobs and the choice of a platform. */
/* links: image */
#include "manifest.h"

#include "blob.h"
#include "image/image.h"

#include "test.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
#define D0 "sha256:" HEX "0"
#define D1 "sha256:" HEX "1"
#define D2 "sha256:" HEX "2"

static struct err *parse(const char *text, const char *type, struct manifest *out)
{
    return manifest_parse(test_arena, text, strlen(text), type, out);
}

#define SCHEMA2                                                                                    \
    "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_DOCKER_MANIFEST "\","                            \
    "\"config\":{\"size\":5,\"digest\":\"" D0 "\"},"                                               \
    "\"layers\":[{\"size\":7,\"digest\":\"" D1 "\"},{\"size\":8,\"digest\":\"" D2 "\"}]}"

TEST(manifest_schema2)
{
    struct manifest m;
    const struct descriptor *v;

    CHECK_OK(parse(SCHEMA2, "application/json", &m));
    v = m.layers.v;
    CHECK(!m.is_index);
    CHECK_STR(m.config.digest, D0);
    CHECK_INT(m.layers.n, 2);
    CHECK_STR(v[1].digest, D2);
    CHECK_INT(v[0].size, 7);
}

TEST(manifest_oci_without_its_type)
{
    static const char text[] =
        "{\"schemaVersion\":2,\"config\":{\"size\":5,\"digest\":\"" D0 "\"},\"layers\":[]}";
    struct manifest m;

    CHECK_OK(parse(text, NULL, &m));
    CHECK_STR(m.media_type, MEDIA_OCI_MANIFEST);
    CHECK_OK(parse(text, MEDIA_OCI_MANIFEST "; charset=utf-8", &m));
    CHECK_STR(m.media_type, MEDIA_OCI_MANIFEST);
    CHECK_ERR(parse(text, MEDIA_OCI_INDEX, &m), ERR_INVALID);
}

TEST(manifest_refuses)
{
    static const char *const bads[] = {
        "",
        "x",
        "[]",
        "{}",
        "null",
        "{\"schemaVersion\":1}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:short\"},\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":\"" D0 "\",\"size\":-1},\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":\"" D0 "\",\"size\":999999999},\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":\"" D0 "\"},\"layers\":[{}]}",
        "{\"schemaVersion\":2,\"config\":{\"digest\":\"" D0
        "\"},\"layers\":[{\"digest\":\"../../etc/passwd\"}]}",
        "{\"schemaVersion\":2,\"mediaType\":\"text/html\",\"config\":{\"digest\":\"" D0 "\"}}",
        "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\"}",
        "{\"schemaVersion\":2,\"config\":\"x\"}",
    };

    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        struct manifest m;
        struct err *e = parse(bads[i], NULL, &m);

        if (!e)
            test_fail(__FILE__, __LINE__, "%s was parsed", bads[i]);
        CHECK_ERR(e, ERR_INVALID);
    }
}

TEST(manifest_bounds_the_layers)
{
    autobuf struct buf b = {0};
    struct manifest m;

    buf_puts(&b, "{\"schemaVersion\":2,\"config\":{\"digest\":\"" D0 "\"},\"layers\":[");
    for (int i = 0; i <= LAYERS_MAX; i++)
        buf_printf(&b, "%s{\"digest\":\"" D1 "\"}", i ? "," : "");
    buf_puts(&b, "]}");
    CHECK_ERR(parse(b.data, NULL, &m), ERR_INVALID);
}

/* ---- platforms ---- */

static const struct {
    const char *given, *normal;
} platforms[] = {
    {"linux/amd64", "linux/amd64"},     {"amd64", "linux/amd64"},
    {"x86_64", "linux/amd64"},          {"linux/x86-64", "linux/amd64"},
    {"linux/aarch64", "linux/arm64"},   {"linux/arm64/v8", "linux/arm64"},
    {"linux/arm", "linux/arm/v7"},      {"linux/armhf", "linux/arm/v7"},
    {"armel", "linux/arm/v6"},          {"linux/arm/6", "linux/arm/v6"},
    {"linux/i386", "linux/386"},        {"Linux/AMD64", "linux/amd64"},
    {"linux/amd64/v1", "linux/amd64"},  {"linux/ppc64el", "linux/ppc64le"},
    {"windows/amd64", "windows/amd64"},
};

TEST(platform_normal_forms)
{
    for (size_t i = 0; i < ARRAY_LEN(platforms); i++) {
        struct platform p;

        CHECK_OK(platform_parse(test_arena, platforms[i].given, &p));
        CHECK_STR(platform_text(test_arena, &p), platforms[i].normal);
    }
}

TEST(platform_refuses)
{
    static const char *const bads[] = {"a/b/c/d", "/", "linux/", "/amd64", "a b", "linux//v7"};
    struct platform p;

    for (size_t i = 0; i < ARRAY_LEN(bads); i++)
        CHECK_ERR(platform_parse(test_arena, bads[i], &p), ERR_INVALID);
}

static int rank(const char *want, const char *offer)
{
    struct platform w, o;

    CHECK_OK(platform_parse(test_arena, want, &w));
    CHECK_OK(platform_parse(test_arena, offer, &o));
    return platform_rank(&w, &o);
}

TEST(platform_ranks)
{
    CHECK_INT(rank("linux/amd64", "linux/amd64"), 0);
    CHECK_INT(rank("linux/amd64", "linux/amd64/v2"), -1);
    CHECK(rank("linux/amd64/v3", "linux/amd64/v2") > 0);
    CHECK(rank("linux/amd64/v3", "linux/amd64/v2") < rank("linux/amd64/v3", "linux/amd64"));
    CHECK(rank("linux/amd64", "linux/386") > 0);
    CHECK_INT(rank("linux/386", "linux/amd64"), -1);
    CHECK_INT(rank("linux/amd64", "windows/amd64"), -1);
    CHECK_INT(rank("linux/amd64", "linux/arm64"), -1);
    CHECK_INT(rank("linux/arm/v7", "linux/arm/v7"), 0);
    CHECK(rank("linux/arm/v7", "linux/arm/v6") > 0);
    CHECK(rank("linux/arm/v7", "linux/arm/v6") < rank("linux/arm/v7", "linux/arm/v5"));
    CHECK_INT(rank("linux/arm/v6", "linux/arm/v7"), -1);
    CHECK_INT(rank("linux/arm64", "linux/arm64/v8"), 0);
    CHECK(rank("linux/arm64", "linux/arm/v7") > 0);
    CHECK_INT(rank("linux/s390x", "linux/s390x"), 0);
}

static const struct descriptor *choose(const char *entries, const char *want)
{
    autofree char *text = mem_printf(
        "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[%s]}", entries);
    struct manifest_search search = {0};
    struct manifest m;

    CHECK_OK(parse(text, NULL, &m));
    CHECK(m.is_index);
    CHECK_OK(platform_parse(test_arena, want, &search.want));
    CHECK_OK(manifest_search_add(test_arena, &search, &m));
    return manifest_search_next(&search);
}

#define ENTRY(d, arch, variant)                                                                    \
    "{\"digest\":\"" d "\",\"platform\":{\"os\":\"linux\",\"architecture\":\"" arch                \
    "\",\"variant\":\"" variant "\"}}"

TEST(manifest_chooses_the_platform)
{
    static const char many[] =
        ENTRY(D0, "arm", "v6") "," ENTRY(D1, "arm", "v7") "," ENTRY(D2, "amd64", "");

    CHECK_STR(choose(many, "linux/amd64")->digest, D2);
    CHECK_STR(choose(many, "linux/arm/v7")->digest, D1);
    CHECK_STR(choose(many, "linux/arm/v6")->digest, D0);
    CHECK_STR(choose(many, "linux/arm64")->digest, D1);
    CHECK(!choose(many, "linux/s390x"));
    CHECK(!choose("", "linux/amd64"));
    CHECK_STR(choose("{\"digest\":\"" D0 "\"}", "linux/s390x")->digest, D0);
    /* BuildKit's attestations are for nobody. */
    CHECK(!choose("{\"digest\":\"" D0 "\",\"mediaType\":\"application/vnd.in-toto+json\"}",
                  "linux/amd64"));
}

#define INDEX_ENTRY(d) "{\"digest\":\"" d "\",\"mediaType\":\"" MEDIA_OCI_INDEX "\"}"

TEST(manifest_searches_indexes_inside_indexes)
{
    struct manifest_search search = {0};
    struct manifest m;
    autobuf struct buf many = {0};

    CHECK_OK(platform_parse(test_arena, "linux/arm/v7", &search.want));
    CHECK_OK(parse("{\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[" INDEX_ENTRY(
                       D2) "," ENTRY(D0, "arm", "v6") "," ENTRY(D1, "arm", "v7") "]}",
                   NULL, &m));
    CHECK_OK(manifest_search_add(test_arena, &search, &m));
    CHECK_STR(manifest_search_next(&search)->digest, D1);
    CHECK_STR(manifest_search_next(&search)->digest, D0);
    CHECK_STR(manifest_search_next(&search)->digest, D2);
    CHECK(!manifest_search_next(&search));
    for (int i = 1; i < 8; i++) /* more are an attack */
        CHECK_OK(manifest_search_add(test_arena, &search, &(struct manifest){.is_index = true}));
    CHECK_ERR(manifest_search_add(test_arena, &search, &(struct manifest){.is_index = true}),
              ERR_INVALID);
    search = (struct manifest_search){.want = search.want};
    for (int i = 0; i < 65; i++)
        buf_printf(&many, "%s" INDEX_ENTRY(D0), i ? "," : "");
    CHECK_OK(
        parse(arena_printf(test_arena, "{\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[%s]}",
                           many.data),
              NULL, &m));
    CHECK_ERR(manifest_search_add(test_arena, &search, &m), ERR_INVALID);
}

/* ---- the config blob ---- */

static struct err *parse_blob(const char *text, struct image_blob *out)
{
    return image_blob_parse(test_arena, text, strlen(text), out);
}

TEST(blob_reads_what_inspect_shows)
{
    struct image_blob b;

    CHECK_OK(parse_blob(
        "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":\"sh\",\"Env\":[\"A=b\"],"
        "\"ExposedPorts\":{\"80/tcp\":{}},\"Labels\":{\"k\":\"v\"}},"
        "\"history\":[{\"created_by\":\"x\",\"empty_layer\":true}],"
        "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D0 "\"]},\"unknown\":[1,2]}",
        &b));
    CHECK_STR(b.run.cmd.v[0], "sh");
    CHECK_STR(b.run.exposed_ports.v[0], "80/tcp");
    CHECK_STR(pairs_get(&b.run.labels, "k"), "v");
    CHECK_INT(b.history.n, 1);
    CHECK_STR(b.diff_ids.v[0], D0);
}

TEST(blob_refuses)
{
    static const char *const bads[] = {
        "",
        "[]",
        "{\"config\":5}",
        "{\"rootfs\":{\"type\":\"zfs\"}}",
        "{\"a\":\"\xff\"}",
        "{\"rootfs\":{\"diff_ids\":[\"x\"]}}",
        "{\"config\":{\"Env\":5}}",
    };
    struct image_blob b;

    for (size_t i = 0; i < ARRAY_LEN(bads); i++)
        CHECK_ERR(parse_blob(bads[i], &b), ERR_INVALID);
    CHECK_ERR(image_blob_parse(test_arena, "{}\0", 3, &b), ERR_INVALID);
    CHECK_OK(parse_blob("{}", &b));
    CHECK_STR(b.config_text, "{}");
}

TEST(blob_written_and_read_again)
{
    struct image_blob b = {0}, again;
    struct history_entry h = {.comment = (char *)"imported"};
    char *text;

    b.architecture = (char *)"amd64";
    b.run.user = (char *)"1000";
    strs_add(test_arena, &b.run.cmd, "/bin/sh");
    strs_add(test_arena, &b.run.volumes, "/data");
    strs_add(test_arena, &b.diff_ids, D1);
    b.history = (struct jlist){&h, 1};
    text = image_blob_write(test_arena, &b);
    CHECK_OK(parse_blob(text, &again));
    CHECK_STR(again.run.user, "1000");
    CHECK_STR(again.run.cmd.v[0], "/bin/sh");
    CHECK_STR(again.run.volumes.v[0], "/data");
    CHECK_STR(again.diff_ids.v[0], D1);
    CHECK_STR(((struct history_entry *)again.history.v)->comment, "imported");
}
