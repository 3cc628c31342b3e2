/* SPDX-License-Identifier: Apache-2.0 */
/* Inside layers: the pipe from the registry to the unpacking worker. Loop thread. */
#pragma once

#include "layer_make.h"

struct err *pipe_open(struct layer_make *m) must_check;
enum web_verdict pipe_put(struct layer_make *m, const void *p, size_t n);
void pipe_end_when_empty(struct layer_make *m); /* the blob is whole: EOF after its last byte */
void pipe_end(struct layer_make *m);            /* EOF now */
void pipe_close(struct layer_make *m); /* both ends; no worker reads any more. Safe when not open */
