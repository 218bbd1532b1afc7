// Declarations for a syntax and size check, not Device OS: see ../README.md. Device OS 2.x.

#ifndef WBOSON_DEVICE_OS_2_H
#define WBOSON_DEVICE_OS_2_H

#include <stdint.h>

typedef int32_t time32_t;

class IPAddress {
 public:
  IPAddress();
  IPAddress(uint8_t first, uint8_t second, uint8_t third, uint8_t fourth);
  IPAddress(const IPAddress &other);
  virtual ~IPAddress();
  operator bool();
  uint8_t operator[](int index) const;

 private:
  friend struct fake_device_os;
  uint8_t fields_[20];
};

#include "../shared.h"

extern NetworkClass &Network;

#endif
