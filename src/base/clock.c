/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks and the texts of time. Pure but for the two clock readers, any thread; the calendar
 * is our own arithmetic, so neither locale nor TZ matters.
 * Trap: wall time 0 stands for "never" and is printed as Go's zero time, year 1.
 */
#include "base/clock.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400 };

static const char zero_time[] = "0001-01-01T00:00:00";

struct date {
    int year, month, day, hour, minute, second, nanos;
};

static int64_t read_clock(clockid_t id)
{
    struct timespec t;

    ASSERT(!clock_gettime(id, &t));
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

/* CLOCK_BOOTTIME goes on while the machine sleeps (clock_gettime(2)) and is the same for all
 * processes: engine and keeper compare its values. */
int64_t clock_boot_ns(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    ASSERT(month >= 1 && month <= 12);
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of `year`. */
static int64_t days_to_year(int64_t year)
{
    int64_t y = year - 1;

    return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int64_t date_to_seconds(const struct date *d)
{
    int64_t days = days_to_year(d->year) + d->day - 1;

    for (int month = 1; month < d->month; month++)
        days += month_days(d->year, month);
    return days * DAY_S + d->hour * 3600 + d->minute * 60 + d->second;
}

static struct date date_from_ns(int64_t ns)
{
    int64_t seconds = ns / NS_PER_S, nanos = ns % NS_PER_S, days, rest;
    int64_t era, day, year, month;
    struct date d;

    if (nanos < 0) {
        nanos += NS_PER_S;
        seconds--;
    }
    days = seconds / DAY_S;
    rest = seconds % DAY_S;
    if (rest < 0) {
        rest += DAY_S;
        days--;
    }
    /* Years that begin in March, counted from 0000-03-01 in eras of 400: no loop, and the leap day
     * comes last (H. Hinnant, chrono-compatible low-level date algorithms). */
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    day = days - era * 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    d.day = (int)(day - (153 * month + 2) / 5 + 1);
    d.month = (int)(month < 10 ? month + 3 : month - 9);
    d.year = (int)(year + era * 400 + (d.month <= 2));
    d.hour = (int)(rest / 3600);
    d.minute = (int)(rest / 60 % 60);
    d.second = (int)(rest % 60);
    d.nanos = (int)nanos;
    ASSERT(d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= 31);
    return d;
}

/* By hand: it stands in front of every line of a log that is read with times. */
static char *put_number(char *out, int value, int digits, char after)
{
    for (int i = digits; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    out[digits] = after;
    return out + digits + 1;
}

void clock_rfc3339_fixed(int64_t wall_ns, char out[RFC3339_MAX])
{
    struct date d = date_from_ns(wall_ns);

    if (!wall_ns) {
        snprintf(out, RFC3339_MAX, "%s.000000000Z", zero_time);
        return;
    }
    out = put_number(out, d.year, 4, '-');
    out = put_number(out, d.month, 2, '-');
    out = put_number(out, d.day, 2, 'T');
    out = put_number(out, d.hour, 2, ':');
    out = put_number(out, d.minute, 2, ':');
    out = put_number(out, d.second, 2, '.');
    out = put_number(out, d.nanos, 9, 'Z');
    *out = '\0';
}

void clock_rfc3339(int64_t wall_ns, char out[RFC3339_MAX])
{
    char *end;

    clock_rfc3339_fixed(wall_ns, out);
    end = out + strlen(out) - 2;
    while (*end == '0')
        end--;
    if (*end == '.')
        end--;
    end[1] = 'Z';
    end[2] = '\0';
}

/* Exactly n digits. */
static bool take_digits(const char **s, int n, int *out)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        char c = (*s)[i];

        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *s += n;
    *out = value;
    return true;
}

static bool take_char(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

/* As Go: more digits than nanoseconds have are read and dropped. */
static bool take_fraction(const char **s, int *out_nanos)
{
    int nanos = 0, unit = NS_PER_S / 10;
    const char *start = *s;

    for (; **s >= '0' && **s <= '9'; (*s)++) {
        nanos += (**s - '0') * unit;
        unit /= 10;
    }
    *out_nanos = nanos;
    return *s != start;
}

static bool take_offset(const char **s, int *out_seconds)
{
    int hours, minutes, sign = **s == '-' ? -1 : 1;

    if (take_char(s, 'Z') || take_char(s, 'z')) {
        *out_seconds = 0;
        return true;
    }
    if (!take_char(s, '-') && !take_char(s, '+'))
        return false;
    if (!take_digits(s, 2, &hours) || !take_char(s, ':') || !take_digits(s, 2, &minutes))
        return false;
    *out_seconds = sign * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

static bool take_date(const char **s, struct date *d)
{
    return take_digits(s, 4, &d->year) && take_char(s, '-') && take_digits(s, 2, &d->month) &&
           take_char(s, '-') && take_digits(s, 2, &d->day) &&
           (take_char(s, 'T') || take_char(s, 't') || take_char(s, ' ')) &&
           take_digits(s, 2, &d->hour) && take_char(s, ':') && take_digits(s, 2, &d->minute) &&
           take_char(s, ':') && take_digits(s, 2, &d->second) && d->year >= 1 && d->month >= 1 &&
           d->month <= 12 && d->day >= 1 && d->day <= month_days(d->year, d->month) &&
           d->hour < 24 && d->minute < 60 && d->second <= 60;
}

/* Seconds and nanoseconds of the same sign or zero. */
static bool to_ns(int64_t seconds, int64_t nanos, int64_t *out_ns)
{
    __int128 ns = (__int128)seconds * NS_PER_S + nanos;

    if (ns < INT64_MIN || ns > INT64_MAX)
        return false;
    *out_ns = (int64_t)ns;
    return true;
}

bool clock_from_rfc3339(const char *s, int64_t *out_ns)
{
    struct date d = {0};
    int offset;

    if (text_starts(s, zero_time) && !strcmp(s + strlen(zero_time), "Z")) {
        *out_ns = 0;
        return true;
    }
    if (!take_date(&s, &d))
        return false;
    if (take_char(&s, '.') && !take_fraction(&s, &d.nanos))
        return false;
    if (!take_offset(&s, &offset) || *s)
        return false;
    return to_ns(date_to_seconds(&d) - offset, d.nanos, out_ns);
}

/* Also of before 1970: who asks for what came since then gets all. */
bool clock_from_unix(const char *s, int64_t *out_ns)
{
    bool is_before = *s == '-';
    size_t n = strspn(s + is_before, "0123456789");
    int64_t seconds = 0;
    char digits[20];
    int nanos = 0;

    if (!*s) {
        *out_ns = 0;
        return true;
    }
    s += is_before;
    if (!n || n >= sizeof(digits))
        return false;
    memcpy(digits, s, n);
    digits[n] = '\0';
    s += n;
    if (!text_to_i64(digits, &seconds))
        return false;
    if (take_char(&s, '.') && *s && !take_fraction(&s, &nanos))
        return false;
    return !*s && to_ns(is_before ? -seconds : seconds, is_before ? -nanos : nanos, out_ns);
}

static int64_t take_duration_unit(const char **s)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        {"ns", 1},       {"us", 1000},    {"\xc2\xb5s", 1000},  {"\xce\xbcs", 1000},
        {"ms", 1000000}, {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
    };

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (text_starts(*s, units[i].name)) {
            *s += strlen(units[i].name);
            return units[i].ns;
        }
    }
    return 0;
}

/* One "12.5m"; adds to *total. */
static bool take_duration_part(const char **s, __int128 *total)
{
    size_t n = strspn(*s, "0123456789");
    bool has_digits = n > 0;
    __int128 whole = 0;
    int64_t unit;
    int fraction = 0;

    if (n > 19)
        return false;
    for (size_t i = 0; i < n; i++)
        whole = whole * 10 + ((*s)[i] - '0');
    *s += n;
    if (take_char(s, '.'))
        has_digits |= take_fraction(s, &fraction);
    if (!has_digits)
        return false;
    unit = take_duration_unit(s);
    *total += whole * unit + (__int128)fraction * unit / NS_PER_S;
    return unit && *total <= INT64_MAX;
}

bool clock_from_duration(const char *s, int64_t *out_ns)
{
    bool is_negative = *s == '-';
    __int128 total = 0;

    if (*s == '-' || *s == '+')
        s++;
    if (!strcmp(s, "0")) {
        *out_ns = 0;
        return true;
    }
    if (!*s)
        return false;
    while (*s)
        if (!take_duration_part(&s, &total))
            return false;
    *out_ns = is_negative ? -(int64_t)total : (int64_t)total;
    return true;
}

const char *clock_duration(int64_t ns, char out[DURATION_MAX])
{
    long long ms = ns < 0 ? 0 : ns / NS_PER_MS, s = ms / 1000;

    if (ms < 1000)
        snprintf(out, DURATION_MAX, "%lldms", ms);
    else if (s < 60)
        snprintf(out, DURATION_MAX, "%lld.%llds", s, ms % 1000 / 100);
    else if (s < 3600)
        snprintf(out, DURATION_MAX, "%lldm%llds", s / 60, s % 60);
    else
        snprintf(out, DURATION_MAX, "%lldh%lldm%llds", s / 3600, s / 60 % 60, s % 60);
    return out;
}
