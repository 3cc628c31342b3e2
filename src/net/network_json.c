/* SPDX-License-Identifier: Apache-2.0 */
/* Networks as JSON: the request, the database's record, and Docker's inspect. */
#include <stdio.h>

#include "network_inner.h"

static const struct jfield pool_fields[] = {
    J(J_STR, struct ipam_pool, subnet, "Subnet", .flags = J_OMIT),
    J(J_STR, struct ipam_pool, ip_range, "IPRange", .flags = J_OMIT),
    J(J_STR, struct ipam_pool, gateway, "Gateway", .flags = J_OMIT),
    J(J_PAIRS, struct ipam_pool, aux, "AuxiliaryAddresses", .flags = J_OMIT),
    J_END,
};
static const struct jtable pool_json = {sizeof(struct ipam_pool), pool_fields};

static const struct jfield ipam_fields[] = {
    J(J_STR, struct network_ipam, driver, "Driver", .flags = J_OMIT),
    J(J_PAIRS, struct network_ipam, options, "Options", .flags = J_OMIT),
    J(J_LIST, struct network_ipam, config, "Config", .flags = J_OMIT, .sub = &pool_json),
    J_END,
};
static const struct jtable ipam_json = {sizeof(struct network_ipam), ipam_fields};

static const struct jfield reference_fields[] = {
    J(J_STR, struct network_reference, network, "Network", .flags = J_OMIT),
    J_END,
};
static const struct jtable reference_json = {sizeof(struct network_reference), reference_fields};

static const struct jfield request_fields[] = {
    J(J_STR, struct network_request, name, "Name"),
    J(J_BOOL, struct network_request, check_duplicate, "CheckDuplicate", .flags = J_OMIT),
    J(J_STR, struct network_request, driver, "Driver"),
    J(J_STR, struct network_request, scope, "Scope", .flags = J_OMIT),
    J(J_BOOL, struct network_request, internal, "Internal", .flags = J_OMIT),
    J(J_BOOL, struct network_request, attachable, "Attachable", .flags = J_OMIT),
    J(J_BOOL, struct network_request, ingress, "Ingress", .flags = J_OMIT),
    J(J_TRI, struct network_request, enable_ipv4, "EnableIPv4", .flags = J_OMIT),
    J(J_BOOL, struct network_request, enable_ipv6, "EnableIPv6", .flags = J_OMIT),
    J(J_OBJ, struct network_request, ipam, "IPAM", .flags = J_NULL_OBJ, .sub = &ipam_json),
    J(J_BOOL, struct network_request, config_only, "ConfigOnly", .flags = J_OMIT),
    J(J_OBJ, struct network_request, config_from, "ConfigFrom", .flags = J_NULL_OBJ | J_OMIT,
      .sub = &reference_json),
    J(J_PAIRS, struct network_request, options, "Options", .flags = J_OMIT),
    J(J_PAIRS, struct network_request, labels, "Labels", .flags = J_OMIT),
    J_END,
};
const struct jtable network_request_json = {sizeof(struct network_request), request_fields};

static const struct jfield record_fields[] = {
    J(J_STR, struct network_record, id, "Id"),
    J(J_I64, struct network_record, created_ns, "CreatedNs"),
    J(J_OBJ, struct network_record, request, "Request", .sub = &network_request_json),
    J(J_STR, struct network_record, subnet, "Subnet", .flags = J_OMIT),
    J(J_STR, struct network_record, gateway, "Gateway", .flags = J_OMIT),
    J(J_STR, struct network_record, subnet6, "Subnet6", .flags = J_OMIT),
    J(J_STR, struct network_record, gateway6, "Gateway6", .flags = J_OMIT),
    J(J_STR, struct network_record, ifname, "Link", .flags = J_OMIT),
    J(J_BOOL, struct network_record, made_link, "MadeLink", .flags = J_OMIT),
    J_END,
};
const struct jtable network_record_json = {sizeof(struct network_record), record_fields};

char *network_record_text(struct arena *a, const struct network_record *r)
{
    return json_encode(a, &network_record_json, r);
}

static void write_pool(const char *subnet, const char *gateway, const struct ipam_pool *asked,
                       struct jw *w)
{
    jw_obj(w, NULL);
    if (subnet)
        jw_str(w, "Subnet", subnet);
    if (asked && !text_is_empty(asked->ip_range))
        jw_str(w, "IPRange", asked->ip_range);
    if (gateway)
        jw_str(w, "Gateway", gateway);
    if (asked && asked->aux.n)
        jw_pairs(w, "AuxiliaryAddresses", &asked->aux);
    jw_obj_end(w);
}

static void write_ipam(const struct network *n, struct jw *w)
{
    const struct network_record *r = &n->record;
    const struct ipam_pool *asked = r->request.ipam.config.v;

    jw_obj(w, "IPAM");
    jw_str(w, "Driver", "default");
    if (r->request.ipam.options.n)
        jw_pairs(w, "Options", &r->request.ipam.options);
    else
        jw_null(w, "Options");
    jw_arr(w, "Config");
    if (r->subnet)
        write_pool(r->subnet, r->gateway, network_pool(&r->request, false), w);
    if (r->subnet6)
        write_pool(r->subnet6, r->gateway6, network_pool(&r->request, true), w);
    for (size_t i = 0; r->request.config_only && i < r->request.ipam.config.n; i++)
        write_pool(asked[i].subnet, asked[i].gateway, &asked[i], w);
    jw_arr_end(w);
    jw_obj_end(w);
}

static void write_endpoint(const struct endpoint *e, struct jw *w)
{
    char mac[18] = "", addr[ADDR4_TEXT], cidr[ADDR4_TEXT + 4] = "", cidr6[CIDR6_TEXT];
    const uint8_t *m = e->spec.mac;

    if ((e->spec.addr || e->spec.bits6) && e->spec.vlan.kind != VLAN_IPVLAN)
        snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
                 m[5]);
    if (e->spec.addr) {
        addr4_text(e->spec.addr, addr);
        snprintf(cidr, sizeof(cidr), "%s/%d", addr, e->spec.bits & 63);
    }
    subnet6_text(&(struct subnet6){e->spec.addr6, e->spec.bits6}, cidr6);
    jw_obj(w, e->container_id);
    jw_str(w, "Name", e->container_name);
    jw_str(w, "EndpointID", e->id);
    jw_str(w, "MacAddress", mac);
    jw_str(w, "IPv4Address", cidr);
    jw_str(w, "IPv6Address", cidr6);
    jw_obj_end(w);
}

void network_write_json(const struct network *n, struct jw *w, bool with_containers)
{
    const struct network_record *r = &n->record;
    const char *from = r->request.config_from.network;

    jw_obj(w, NULL);
    jw_str(w, "Name", r->request.name);
    jw_str(w, "Id", r->id);
    jw_time(w, "Created", r->created_ns);
    jw_str(w, "Scope", "local");
    jw_str(w, "Driver", r->request.driver);
    jw_bool(w, "EnableIPv4", r->request.enable_ipv4 >= 0);
    jw_bool(w, "EnableIPv6", r->request.enable_ipv6);
    write_ipam(n, w);
    jw_bool(w, "Internal", r->request.internal);
    jw_bool(w, "Attachable", r->request.attachable);
    jw_bool(w, "Ingress", false);
    jw_obj(w, "ConfigFrom");
    jw_str(w, "Network", from ? from : "");
    jw_obj_end(w);
    jw_bool(w, "ConfigOnly", r->request.config_only);
    jw_obj(w, "Containers");
    if (with_containers)
        list_each (e, &n->endpoints, struct endpoint, link)
            write_endpoint(e, w);
    jw_obj_end(w);
    jw_pairs(w, "Options", &r->request.options);
    jw_pairs(w, "Labels", &r->request.labels);
    jw_obj_end(w);
}
