/* SPDX-License-Identifier: Apache-2.0 */
/* Flag tables of the commands but run and create. */
#pragma once

#include "base/flags.h"

extern const struct flag attach_flags[], start_flags[], exec_flags[];
extern const struct flag stop_flags[], kill_flags[], rm_flags[], update_flags[];
extern const struct flag ps_flags[], logs_flags[], format_flags[], stats_flags[], df_flags[];
extern const struct flag batch_flags[], build_flags[], commit_flags[], cp_flags[], export_flags[],
    save_flags[];
extern const struct flag inspect_flags[], inspect_group_flags[];
extern const struct flag images_flags[], history_flags[], rmi_flags[], pull_flags[], push_flags[];
extern const struct flag load_flags[], import_flags[], login_flags[], search_flags[],
    manifest_inspect_flags[], events_flags[];
extern const struct flag prune_flags[], prune_all_flags[], system_prune_flags[];
extern const struct flag list_flags[], network_create_flags[], connect_flags[], disconnect_flags[],
    network_rm_flags[];
extern const struct flag volume_create_flags[], volume_rm_flags[], audit_flags[];
extern const struct flag builder_prune_flags[], image_inspect_flags[];
extern const struct flag volume_ls_flags[], context_create_flags[], context_update_flags[],
    context_ls_flags[], context_inspect_flags[], context_rm_flags[], checkpoint_flags[],
    checkpoint_create_flags[];
