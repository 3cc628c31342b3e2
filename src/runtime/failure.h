/* SPDX-License-Identifier: Apache-2.0 */
/* Why a program did not reach its payload, as a sentence. Pure. */
#pragma once

#include "base/err.h"
#include "wire/keeper_messages.h"
#include "wire/program.h"

struct err *failure_explain(const struct keeper_failed *f) must_check;
