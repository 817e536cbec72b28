// The pages under /api/v1/; docs/api.md describes them.
#ifndef ELDR_SERVER_PAGE_API_PAGES_H_
#define ELDR_SERVER_PAGE_API_PAGES_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/http/http_page.h"
#include "server/page/api_context.h"

namespace eldr {

inline constexpr char kApiPath[] = "/api/v1/";

// All of them as one page, which keeps `context`.
HttpPage MakeApiPage(std::shared_ptr<ApiContext> context);

// What a request of the API is answered; `path` without kApiPath. Only for the page's own lane.
HttpResponse AnswerApi(ApiContext& context, absl::string_view path, const HttpRequest& request);

}  // namespace eldr

#endif  // ELDR_SERVER_PAGE_API_PAGES_H_
