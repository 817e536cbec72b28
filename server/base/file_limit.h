// How many files the process may have open, and who may have them.
#ifndef ELDR_SERVER_BASE_FILE_LIMIT_H_
#define ELDR_SERVER_BASE_FILE_LIMIT_H_

#include <cstddef>

namespace eldr {

// Lets the process open as many files as the system's hard limit allows; the usual soft limit of
// 1024 is there for programs that use select().
void RaiseOpenFileLimit();

// Opens /dev/null as standard input, output and error where these are closed, so that no connection
// gets one of their numbers and what is written for people.
void KeepStandardFiles();

// The least of open files that a daemon can start with and answer a call; gRPC aborts a process
// that runs out of them while it starts.
inline constexpr std::size_t kLeastOpenFiles = 64;

// The most files that may be open.
std::size_t OpenFileLimit();

// The HTTP port's connections at a time: an eighth of the files, at most 2048.
std::size_t HttpConnectionLimit();

// Files get the lowest number that is free. A connection of the gRPC port whose number is this or
// more is one too many: a quarter of the files (2304 of many) stays for the HTTP port, the state,
// the log and all else that must go on when connections take all there is.
int FirstFileKeptFree();

}  // namespace eldr

#endif  // ELDR_SERVER_BASE_FILE_LIMIT_H_
