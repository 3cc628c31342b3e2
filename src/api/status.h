/* SPDX-License-Identifier: Apache-2.0 */
/* The one table from kinds of errors to HTTP's status codes. */
#pragma once

#include "base/mem.h"

int status_of(enum err_kind kind);
const char *status_reason(int status); /* "Not Found" */
