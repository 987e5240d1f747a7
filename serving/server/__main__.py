import sys

from serving.server.main import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
