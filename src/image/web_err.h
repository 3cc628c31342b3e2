/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's results in the words Docker's users know. */
#pragma once

#include "web.h"

#include <curl/curl.h>

/* NULL when a whole response came. Fills the reply's status, url, sys and speaks_plain_http. */
struct err *web_err(CURL *easy, CURLcode code, const char *why, struct web_reply *r) must_check;
