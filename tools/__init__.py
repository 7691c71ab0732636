"""Scripts that write parts of the documentation from the code. No part of the distribution."""
