/* SPDX-License-Identifier: Apache-2.0 */
/* The instructions of --change. */
/* links: image */
#include "change.h"

#include "test.h"

static struct run_defaults config;

static void apply(const char *line)
{
    CHECK_OK(change_apply(test_arena, line, &config));
}

static const char *joined(const struct strs *s)
{
    return strs_join(test_arena, s, "|");
}

TEST(change_commands)
{
    apply("CMD [\"a\", \"b c\"]");
    CHECK_STR(joined(&config.cmd), "a|b c");
    apply("cmd echo hello  world");
    CHECK_STR(joined(&config.cmd), "/bin/sh|-c|echo hello  world");
    apply("ENTRYPOINT []");
    CHECK_INT(config.entrypoint.n, 0);
    apply("ENTRYPOINT [ not json");
    CHECK_STR(joined(&config.entrypoint), "/bin/sh|-c|[ not json");
    apply("CMD [1]");
    CHECK_STR(joined(&config.cmd), "/bin/sh|-c|[1]");
}

TEST(change_env)
{
    apply("ENV A=1 B=\"two words\" C=x\\ y D='q\"q'");
    CHECK_STR(joined(&config.env), "A=1|B=two words|C=x y|D=q\"q");
    apply("ENV A=2");
    CHECK_STR(joined(&config.env), "A=2|B=two words|C=x y|D=q\"q");
    apply("ENV old form here");
    CHECK_STR(config.env.v[4], "old=form here");
    CHECK_ERR(change_apply(test_arena, "ENV alone", &config), ERR_INVALID);
    CHECK_ERR(change_apply(test_arena, "ENV A=1 b", &config), ERR_INVALID);
    CHECK_ERR(change_apply(test_arena, "ENV =x", &config), ERR_INVALID);
}

TEST(change_ports)
{
    apply("EXPOSE 80 443/TCP 53/udp 8000-8002");
    CHECK_STR(joined(&config.exposed_ports), "80/tcp|443/tcp|53/udp|8000/tcp|8001/tcp|8002/tcp");
    apply("EXPOSE 80");
    CHECK_INT(config.exposed_ports.n, 6);
    CHECK_ERR(change_apply(test_arena, "EXPOSE 0", &config), ERR_INVALID);
    CHECK_ERR(change_apply(test_arena, "EXPOSE 65536", &config), ERR_INVALID);
    CHECK_ERR(change_apply(test_arena, "EXPOSE 9-8", &config), ERR_INVALID);
    CHECK_ERR(change_apply(test_arena, "EXPOSE x", &config), ERR_INVALID);
    CHECK_ERR(change_apply(test_arena, "EXPOSE 1/icmp", &config), ERR_INVALID);
}

TEST(change_paths_and_words)
{
    apply("WORKDIR /a/../b/");
    CHECK_STR(config.working_dir, "/b");
    apply("WORKDIR c");
    CHECK_STR(config.working_dir, "/b/c");
    apply("VOLUME [\"/x y\", \"/z\"]");
    apply("VOLUME /z /w");
    CHECK_STR(joined(&config.volumes), "/x y|/z|/w");
    CHECK_ERR(change_apply(test_arena, "VOLUME [\"\"]", &config), ERR_INVALID);
    apply("USER 1000:1000");
    CHECK_STR(config.user, "1000:1000");
    apply("  STOPSIGNAL   SIGINT  ");
    CHECK_STR(config.stop_signal, "SIGINT");
    apply("LABEL a=b \"c d\"=e");
    CHECK_STR(pairs_get(&config.labels, "c d"), "e");
    apply("ONBUILD RUN x");
    CHECK_STR(joined(&config.on_build), "RUN x");
}

TEST(change_health)
{
    apply("HEALTHCHECK --interval=5s --retries=3 --start-period=1m CMD [\"curl\", \"x\"]");
    CHECK_STR(joined(&config.health->test), "CMD|curl|x");
    CHECK_INT(config.health->interval_ns, 5000000000);
    CHECK_INT(config.health->start_period_ns, 60000000000);
    CHECK_INT(config.health->retries, 3);
    apply("HEALTHCHECK CMD curl x");
    CHECK_STR(joined(&config.health->test), "CMD-SHELL|curl x");
    apply("HEALTHCHECK NONE");
    CHECK_STR(joined(&config.health->test), "NONE");
    CHECK_ERR(change_apply(test_arena, "HEALTHCHECK", &config), ERR_INVALID);
    CHECK_ERR(change_apply(test_arena, "HEALTHCHECK CMD", &config), ERR_INVALID);
    CHECK_ERR(change_apply(test_arena, "HEALTHCHECK --interval=x CMD a", &config), ERR_INVALID);
    CHECK_ERR(change_apply(test_arena, "HEALTHCHECK --what=1 CMD a", &config), ERR_INVALID);
}

TEST(change_refuses)
{
    static const char *const bads[] = {"", "   ", "RUN x", "FROM x", "CMD", "ENV", "nonsense"};

    for (size_t i = 0; i < ARRAY_LEN(bads); i++)
        CHECK_ERR(change_apply(test_arena, bads[i], &config), ERR_INVALID);
}
