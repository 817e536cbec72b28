// What the agent serves over HTTP.
#ifndef ELDR_CLIENT_AGENT_AGENT_PAGES_H_
#define ELDR_CLIENT_AGENT_AGENT_PAGES_H_

#include <string>
#include <vector>

#include "client/agent/agent.h"
#include "server/http/http_page.h"

namespace eldr::agent {

// In the text format of Prometheus.
std::string AgentMetrics(const Agent& agent);

// /livez, /readyz, /health and /metrics; with `may_drain` /drain too. `agent` must outlive them.
std::vector<HttpPage> AgentPages(Agent& agent, bool may_drain);

}  // namespace eldr::agent

#endif  // ELDR_CLIENT_AGENT_AGENT_PAGES_H_
