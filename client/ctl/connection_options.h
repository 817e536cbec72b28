// Options that say where the daemon is, whom to trust and who asks.
#ifndef ELDR_CLIENT_CTL_CONNECTION_OPTIONS_H_
#define ELDR_CLIENT_CTL_CONNECTION_OPTIONS_H_

#include <CLI/App.hpp>

#include "eldr/client/options.h"

namespace eldr::ctl {

// Declares --target, --proxy, --tls-* and --token-file, each with its environment variable.
// `options` must outlive the parsing.
void AddConnectionOptions(CLI::App& app, client::Options& options);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_CONNECTION_OPTIONS_H_
