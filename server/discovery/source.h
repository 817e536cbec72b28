// Where endpoints are told of: a file, an API server.
#ifndef ELDR_SERVER_DISCOVERY_SOURCE_H_
#define ELDR_SERVER_DISCOVERY_SOURCE_H_

namespace eldr {

// Tells what it finds to the EndpointList that it was made with: the whole of it, or changes. Its
// end is the end of its threads, and of what it tells.
class Source {
 public:
  virtual ~Source() = default;
  // Once. Does not wait for the network.
  virtual void Start() = 0;
};

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_SOURCE_H_
