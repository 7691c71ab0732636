"""Whatever else fsspec opens, by its address.

The promises are made with what every file system of fsspec can do: an object is written under a temporary name, its size compared, and
then moved. That nobody else has the name is looked at first, which only this program's own writers are safe from.
"""
