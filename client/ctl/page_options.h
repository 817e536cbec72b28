// Options of a list that may be asked for page by page.
#ifndef ELDR_CLIENT_CTL_PAGE_OPTIONS_H_
#define ELDR_CLIENT_CTL_PAGE_OPTIONS_H_

#include <CLI/App.hpp>
#include <cstdint>
#include <string>

#include "client/ctl/printer.h"

namespace eldr::ctl {

struct PageOptions {
  uint32_t size = 0;
  std::string token;

  // Asks for this page, or for the whole list if neither option was given.
  template <typename Request>
  void Set(Request& request) const {
    request.set_page_size(size);
    request.set_page_token(token);
  }
};

// Declares --page-size and --page-token.
inline void AddPageOptions(CLI::App& app, PageOptions& options) {
  app.add_option("--page-size", options.size,
                 "Show one page, of so many at most [all, however many pages]")
      ->check(CLI::PositiveNumber);
  app.add_option("--page-token", options.token, "Show the page that the last one ended with")
      ->type_name("TOKEN");
}

// Says how to go on, if there is more.
inline void PrintNextPage(const std::string& next_page_token, Printer out) {
  if (!next_page_token.empty()) out << "more: --page-token " << next_page_token << "\n";
}

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_PAGE_OPTIONS_H_
