"""Statements that a reading user must not run: on one line each, so that a new trick is a new line.

FILE is a call that reads a file, for every place of a query where an expression can stand.
"""

FILE = "file('secret.csv')"
EXPRESSIONS = """
select FILE
select 1 where FILE = ''
select 1 from fills prewhere FILE
select 1 having FILE
select 1 qualify FILE
select 1 group by FILE
select count() from numbers(1) group by grouping sets ((FILE))
select 1 order by FILE
select number from numbers(3) order by number with fill from length(FILE) to 5
select number n, 1 as a from numbers(3) order by n with fill interpolate (a as length(FILE))
select 1 limit length(FILE)
select 1 limit 1 offset length(FILE)
select 1 limit 1 by FILE
select distinct on (FILE) 1
select * from (select FILE)
select (select FILE)
with FILE as y select y
with y as (select FILE) select * from y
with recursive y as (select 1 union all select FILE from y) select * from y
select sum(1) over (partition by FILE)
select sum(1) over (order by FILE)
select sum(1) over (order by number rows between length(FILE) preceding and current row) from numbers(2)
select sum(1) over w from numbers(1) window w as (partition by FILE)
select sum(number) filter (where FILE = '') from numbers(1)
select quantile(length(FILE))(1)
select arrayMap(x -> FILE, [1])
select [FILE], (FILE, 1), map('a', FILE)
select case when FILE = '' then 1 end
select case FILE when '' then 1 end
select FILE::String
select cast(FILE as String)
select interval length(FILE) day
select 1 in (FILE)
select 1 in (select FILE)
select exists(select FILE)
select * from numbers(length(FILE))
select * from values('a String', FILE)
select * from (values (FILE))
select * from view(select FILE)
select * from numbers(1) array join [FILE] as x
select * from numbers(1) a join numbers(1) b on FILE = ''
select * replace (FILE as number) from numbers(1)
select 1 union all select FILE
select 1 intersect select FILE
describe (select FILE)
explain select FILE
explain ast select FILE
explain query tree run_passes = 1 select FILE
explain syntax select FILE
show columns from fills where FILE = ''
show tables where FILE = ''
show databases where FILE = ''
"""
SPELLINGS = """
select FiLe('secret.csv')
select `file`('secret.csv')
select "file"('secret.csv')
select /* x */ file /* y */ ('secret.csv')
select * apply(file) from (select 'secret.csv' as a)
select * apply(x -> file(x)) from (select 'secret.csv' as a)
select columns('.*') apply(file) from (select 'secret.csv' as a)
select a.* apply file from (select 'secret.csv' as a) as a
select * from FILE('secret.csv', LineAsString)
select * from `file`('secret.csv', LineAsString)
select * from "file"('secret.csv', LineAsString)
select * from /**/ file /**/ ('secret.csv', LineAsString)
select * from `secret.csv`
select * from 'secret.csv'
select * from default.`secret.csv`
select * from `default`.`secret.csv`
select * from default.secret
select 1 in default.`secret.csv`
select 1 in (default.secret)
select 1 global in default.secret
select * from fills join default.secret on 1 = 1
select * from default.`fills (alias fills)`
select `sum (alias x`(1)
select * from `fills (alias x`
describe file('secret.csv')
describe table default.`secret.csv`
exists table default.`secret.csv`
show create table default.`secret.csv`
show create table default.secret
show tables from default
show columns from default.secret
show columns from secret from default
"""
TABLE_FUNCTIONS = """
arrowstream azureBlobStorage azureBlobStorageCluster bigquery cluster clusterAllReplicas cosn deltaLake deltaLakeAzure
deltaLakeCluster deltaLakeLocal deltaLakeS3 dictionary eval executable file fileCluster filesystem format fuzzJSON
fuzzQuery gcs generateRandom hdfs hdfsCluster hudi hudiCluster iceberg icebergAzure icebergCluster icebergHDFS
icebergLocal icebergS3 input jdbc loop merge mergeTreeIndex mergeTreeProjection mongodb mysql odbc oss paimon
paimonLocal postgresql prometheusQuery Python python redis remote remoteSecure s3 s3Cluster sqlite timeSeriesData url
urlCluster viewExplain viewIfPermitted ytsaurus
"""
FUNCTIONS = """
aiGenerate catboostEvaluate currentQueryID dictGet dictHas evalMLMethod file filesystemAvailable filesystemCapacity FQDN
formatQuery fuzzQuery getClientHTTPHeader getMacro getServerPort getServerSetting getSetting globalVariable
hasColumnInTable hostName hostname initialQueryID joinGet logTrace noSuchFunction nonesuchIf obfuscateQuery
parseQueryToJSON reverseDNSQuery serverUUID showCertificate sleep sleepEachRow addressToLine throwIf tcpPort
zookeeperSessionUptime
"""
STATEMENTS = """
select 1; select 2
select 1; drop table fills
select 1) ; drop table fills; select (1
select $$a$$; drop table fills
select '\\'' ; drop table fills --'
insert into fills select * from fills
insert into fills values (1)
insert into function file('x') select 1
create table x (a Int64) engine = Memory
create temporary table x (a Int64)
create view x as select 1
create function f as x -> x
create user u
create database x
attach table x
detach table fills
drop table fills
truncate table fills
alter table fills delete where 1
alter table fills drop column side
delete from fills where 1
update fills set side = 'x' where 1
optimize table fills
rename table fills to x
exchange tables fills and trades
system flush logs
system stop merges
system shutdown
kill query where 1
set readonly = 0
set max_threads = 8
use default
grant select on *.* to default
backup table fills to File('x')
check table fills
execute as default select 1
exists dictionary d
explain insert into fills select * from fills
explain ast drop table fills
explain table override mysql('127.0.0.1:1', 'b', 'c', 'd', 'e') columns (a Int64)
explain current transaction
select * from (explain select 1)
show processlist
show grants
show users
show functions
show settings like '%'
show dictionaries
show create database default
select * from system.processes
select * from system.users
select * from system.stack_trace
select * from system.server_settings
select 1 in system.processes
select @@max_threads
select {x:Int64}
select * from {x:Identifier}
select 1 settings readonly = 0
select * from (select 1 settings max_threads = 8)
explain select 1 settings readonly = 0
select 1 format CSV
select 1 format CSV settings readonly = 0
select 1 into outfile 'out'
select 1 into outfile 'out' truncate format CSV
select 1 into outfile 'out' and stdout
(select 1) into outfile 'out'
select 1 union all select 2 into outfile 'out'
explain select 1 into outfile 'out'
describe fills into outfile 'out'
show tables into outfile 'out'
exists table fills into outfile 'out'
show create table fills into outfile 'out'
"""


def refused() -> list[str]:
    """All of them, as SQL."""
    lines = [line.replace("FILE", FILE) for line in EXPRESSIONS.strip().splitlines()]
    lines += [*SPELLINGS.strip().splitlines(), *STATEMENTS.strip().splitlines()]
    lines += [f"select * from {name}('a', 'b')" for name in TABLE_FUNCTIONS.split()]  # noqa: S608 - the test's own text
    lines += [f"select {name}('a', 'b', 1)" for name in FUNCTIONS.split()]
    return lines
