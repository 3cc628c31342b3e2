/* SPDX-License-Identifier: Apache-2.0 */
/* links: base */
#include "test.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"

#include <fcntl.h>

/* What one call writes to stderr, without the time. */
static char *captured(int fd)
{
    char *text = NULL;

    CHECK_OK(file_read_fd(test_arena, fd, 1 << 20, &text, NULL));
    return text + (text_starts(text, "time=") ? strcspn(text, " ") + 1 : 0);
}

static int redirect(void)
{
    int ends[2];

    CHECK_OK(fd_pipe(ends, O_NONBLOCK));
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    return ends[0];
}

static char *read_line(int fd, int saved)
{
    dup2(saved, STDERR_FILENO); /* closes the pipe's last writer */
    return captured(fd);
}

TEST(log_quotes_what_is_not_plain)
{
    autoclose int saved = dup(STDERR_FILENO), fd = redirect();

    log_info("container started", KV("id", "4f2a"), KV_INT("ms", -12), KV("none", NULL),
             KV("odd", "a \"b\"\n\x1b[0m level=error"));
    CHECK_STR(read_line(fd, saved), "level=info msg=\"container started\" id=4f2a ms=-12 none=\"\" "
                                    "odd=\"a \\\"b\\\"\\n\\x1b[0m level=error\"\n");
}

TEST(log_cuts_long_lines)
{
    autoclose int saved = dup(STDERR_FILENO), fd = redirect();
    autofree char *big = mem_alloc(100001);
    char *line;

    memset(big, 'x', 100000);
    log_error("big", KV("text", big), KV("after", "y"));
    line = read_line(fd, saved);
    CHECK(strlen(line) < 9000);
    CHECK_STR(line + strlen(line) - 2, "x\n");
}

TEST(log_levels)
{
    autoclose int saved = dup(STDERR_FILENO), fd = redirect();
    enum log_level level = LOG_LEVEL_DEBUG;

    log_debug("not shown");
    CHECK(log_is_on(LOG_LEVEL_INFO) && !log_is_on(LOG_LEVEL_DEBUG));
    log_set_level(LOG_LEVEL_ERROR);
    log_warn("not shown");
    CHECK_STR(read_line(fd, saved), "");
    CHECK(log_level_from_text("warn", &level) && level == LOG_LEVEL_WARN);
    CHECK(log_level_from_text("fatal", &level) && level == LOG_LEVEL_ERROR);
    CHECK(!log_level_from_text("loud", &level) && !log_level_from_text("", &level));
}
