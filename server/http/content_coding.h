// What a client says it takes, and bodies in fewer bytes.
#ifndef ELDR_SERVER_HTTP_CONTENT_CODING_H_
#define ELDR_SERVER_HTTP_CONTENT_CODING_H_

#include <string>

#include "absl/strings/string_view.h"

namespace eldr {

// How much a client wants `name`, by a list as in the headers Accept and Accept-Encoding, such as
// "gzip;q=0.5, br": 1 without a quality, 0 if it is not listed or not to be used. A parameter
// `version` of the name must be `version`, if that is not empty. Wildcards do not count: what is
// negotiated here, whoever knows it asks for by name.
double QualityOf(absl::string_view accepted, absl::string_view name,
                 absl::string_view version = "");

// The bytes in the form of gzip, as fast as it goes; empty if there is no memory for that.
std::string Gzip(absl::string_view bytes);

}  // namespace eldr

#endif  // ELDR_SERVER_HTTP_CONTENT_CODING_H_
