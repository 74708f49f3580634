#include "snapshot_text.h"
