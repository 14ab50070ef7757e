//! What a server would refuse, or a lexicon does not allow, is refused before it is sent, by name.

use atdata_atmosphere::records::{
    Checksum, CodeReference, DatasetRecord, DatasetSize, LabelRecord, LensRecord, LensVerification, S3Shard,
    S3Storage, Storage, UrlShard,
};
use atdata_core::schema::{Profile, parse_time};
use atdata_core::{ErrorKind, Map, Value};
use time::OffsetDateTime;

use super::{PROFILES, Record, write};

const SCHEMA: &str = "at://did:plc:a/ac.foundation.dataset.sampleSchema/3k";

fn now() -> Option<OffsetDateTime> {
    parse_time("2026-11-22T07:06:38.789579Z")
}

fn dataset() -> DatasetRecord {
    let storage = Storage::from_urls(vec![UrlShard::new("https://host/a.tar")]);
    DatasetRecord { created_at: now(), ..DatasetRecord::new("digits", SCHEMA, storage) }
}

fn long(length: usize) -> String {
    "é".repeat(length / 2) + if length % 2 == 1 { "x" } else { "" }
}

/// Whether a record can be written, and if not, the member that is named.
fn outcome(record: &Record, profile: Profile) -> Result<(), String> {
    write(record, profile).map(drop).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        error.context_value("member").unwrap_or_else(|| panic!("{error}")).to_owned()
    })
}

fn check(member: &str, limit: usize, record: impl Fn(String) -> Record) {
    for profile in PROFILES {
        assert_eq!(outcome(&record(long(limit)), profile), Ok(()), "{member}");
        assert_eq!(outcome(&record(long(limit + 1)), profile), Err(member.to_owned()));
    }
}

#[test]
fn texts_of_datasets() {
    let with = |change: &dyn Fn(&mut DatasetRecord)| {
        let mut record = dataset();
        change(&mut record);
        Record::Dataset(Box::new(record))
    };
    check("name", 200, |text| with(&|record| record.name.clone_from(&text)));
    check("description", 5000, |text| with(&|record| record.description = Some(text.clone())));
    check("license", 200, |text| with(&|record| record.license = Some(text.clone())));
    check("tags", 150, |text| with(&|record| record.tags = vec![text.clone()]));
    for profile in PROFILES {
        let tags = |count| with(&|record| record.tags = vec!["t".to_owned(); count]);
        assert_eq!(outcome(&tags(30), profile), Ok(()));
        assert_eq!(outcome(&tags(31), profile), Err("tags".to_owned()));
        for uri in
            ["", "digits@1.0.0", "atdata://local/schema/A@1.0.0", "at://a/b/c", "at://did:plc:a/a.b.c/d@e"]
        {
            let record = with(&|record| record.schema_ref = uri.to_owned());
            assert_eq!(outcome(&record, profile), Err("schemaRef".to_owned()), "{uri}");
        }
        let size = DatasetSize { bytes: Some(1 << 53), ..DatasetSize::default() };
        assert_eq!(outcome(&with(&|record| record.size = Some(size)), profile), Err("bytes".to_owned()));
        assert_eq!(outcome(&with(&|record| record.created_at = None), profile), Err("createdAt".to_owned()));
        let metadata = |size: usize| {
            let bytes = Value::Bytes(vec![0; size].into());
            with(&|record| record.metadata = Some(Map::from_iter([("b", bytes.clone())])))
        };
        // A map of one short key and bytes of a long length: eight bytes around them.
        assert_eq!(outcome(&metadata(99_992), profile), Ok(()));
        assert_eq!(outcome(&metadata(99_993), profile), Err("metadata".to_owned()));
        let content = Map::from_iter([("gain", 0.5)]);
        let record = with(&|record| record.content_metadata = Some(content.clone()));
        assert_eq!(outcome(&record, profile), Err("contentMetadata".to_owned()));
    }
}

#[test]
fn texts_of_storage() {
    let stored = |storage: Storage| Record::Dataset(Box::new(DatasetRecord { storage, ..dataset() }));
    let url = |length| stored(Storage::from_urls(vec![UrlShard::new(long(length))]));
    assert_eq!(outcome(&url(2000), Profile::Latest), Ok(()));
    assert_eq!(outcome(&url(2001), Profile::Latest), Err("url".to_owned()));
    let s3 = |bucket, key, region, endpoint| {
        stored(Storage::S3(S3Storage {
            bucket: long(bucket),
            region: Some(long(region)),
            endpoint: Some(long(endpoint)),
            shards: vec![S3Shard { key: long(key), checksum: None }],
        }))
    };
    assert_eq!(outcome(&s3(255, 1024, 50, 500), Profile::Latest), Ok(()));
    for (record, member) in [
        (s3(256, 1, 1, 1), "bucket"),
        (s3(1, 1025, 1, 1), "key"),
        (s3(1, 1, 51, 1), "region"),
        (s3(1, 1, 1, 501), "endpoint"),
        (s3(0, 1, 1, 1), "bucket"),
        (s3(1, 0, 1, 1), "key"),
    ] {
        assert_eq!(outcome(&record, Profile::Latest), Err(member.to_owned()));
    }
    for (algorithm, digest, member) in [
        ("sha256", "0g", "checksum.digest"),
        ("sha256", "", "checksum.digest"),
        (&*long(21), "00", "algorithm"),
    ] {
        let checksum = Checksum { algorithm: algorithm.to_owned(), digest: digest.to_owned() };
        let record = stored(Storage::from_urls(vec![UrlShard { url: "u".into(), checksum: Some(checksum) }]));
        for profile in PROFILES {
            assert_eq!(outcome(&record, profile), Err(member.to_owned()));
        }
    }
}

#[test]
fn texts_of_labels_lenses_and_verifications() {
    let uri = "at://did:plc:a/science.alt.dataset.entry/3k";
    let label = || LabelRecord { created_at: now(), ..LabelRecord::new("digits", uri) };
    check("name", 200, |name| Record::Label(LabelRecord { name, ..label() }));
    check("version", 50, |text| Record::Label(LabelRecord { version: Some(text), ..label() }));
    check("description", 5000, |text| Record::Label(LabelRecord { description: Some(text), ..label() }));
    let code = || CodeReference {
        repository: "r".into(),
        commit: "c".into(),
        path: "p".into(),
        branch: None,
        language: None,
    };
    let lens = || LensRecord {
        created_at: now(),
        getter: Some(code()),
        putter: Some(code()),
        ..LensRecord::new("lens", SCHEMA, SCHEMA)
    };
    let boxed = |lens: LensRecord| Record::Lens(Box::new(lens));
    check("name", 100, |name| boxed(LensRecord { name, ..lens() }));
    check("description", 1000, |text| boxed(LensRecord { description: Some(text), ..lens() }));
    check("sourceSchemaVersion", 100, |text| {
        boxed(LensRecord { source_schema_version: Some(text), ..lens() })
    });
    check("commit", 40, |commit| {
        boxed(LensRecord { getter: Some(CodeReference { commit, ..code() }), ..lens() })
    });
    let without = boxed(LensRecord { putter: None, ..lens() });
    assert_eq!(outcome(&without, Profile::Seed), Ok(()));
    assert_eq!(outcome(&without, Profile::Latest), Err("putterCode".to_owned()));

    let cid = atdata_core::cid::dag_cbor_cid(b"").to_string();
    let verification = || LensVerification {
        created_at: now(),
        code_hash: Some(Checksum::sha256("00")),
        proof: Some(code()),
        ..LensVerification::new(SCHEMA, &*cid, "codeReview")
    };
    check("description", 1000, |text| {
        Record::Verification(LensVerification { description: Some(text), ..verification() })
    });
    let no_cid = LensVerification { lens_commit: "x".into(), ..verification() };
    assert_eq!(outcome(&Record::Verification(no_cid), Profile::Seed), Err("lensCommit".to_owned()));
}
